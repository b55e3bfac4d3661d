import { type ControlRoute, drainOptions, requestSignal } from "./route.ts";

export const shutdownRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/shutdown",
  handle: async (context, service) => {
    const options = drainOptions(context);
    return context.json(await service.shutdown(options, requestSignal(context)));
  },
};
