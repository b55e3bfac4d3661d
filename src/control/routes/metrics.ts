import { metricsText } from "../metrics.ts";
import { type ControlRoute, noOptions } from "./route.ts";

export const metricsRoute: ControlRoute = {
  method: "GET",
  path: "/metrics",
  handle: (context, service) => {
    noOptions(context);
    return new Response(metricsText(service.status()), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  },
};
