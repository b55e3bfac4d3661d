import { systemClock } from "../../base/clock.ts";
import { statusEvents } from "../status_events.ts";
import { type ControlRoute, noOptions } from "./route.ts";

export const eventsRoute: ControlRoute = {
  method: "GET",
  path: "/api/v0/events",
  handle: (context, service, _, closing) => {
    noOptions(context);
    return new Response(statusEvents(() => service.status(), systemClock, closing), {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  },
};
