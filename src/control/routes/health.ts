import { type ControlRoute, noOptions } from "./route.ts";

export const healthRoute: ControlRoute = {
  method: "GET",
  path: "/api/v0/health",
  handle: (context, service) => {
    noOptions(context);
    const health = service.health();
    return context.json(health, health.healthy ? 200 : 503);
  },
};
