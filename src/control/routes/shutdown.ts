import { type ControlRoute, drainOptions, noOptions, requestSignal } from "./route.ts";

export const restartRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/restart",
  handle: (context, service) => {
    noOptions(context);
    service.restart();
    return context.json({ restarting: true });
  },
};

export const shutdownRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/shutdown",
  handle: async (context, service) => {
    const options = drainOptions(context);
    return context.json(await service.shutdown(options, requestSignal(context)));
  },
};
