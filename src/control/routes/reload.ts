import { type ControlRoute, noOptions, requestSignal } from "./route.ts";

export const reloadRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/reload",
  handle: async (context, _, settings) => {
    noOptions(context);
    return context.json(await settings.reload(requestSignal(context)));
  },
};
