import { type ControlRoute, mountOption } from "./route.ts";

export const clearCacheRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/cache/clear",
  handle: async (context, service) => context.json(await service.clearCache(mountOption(context))),
};
