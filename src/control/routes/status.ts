import { type ControlRoute, noOptions } from "./route.ts";

export const statusRoute: ControlRoute = {
  method: "GET",
  path: "/api/v0/status",
  handle: (context, service) => {
    noOptions(context);
    return context.json(service.status());
  },
};
