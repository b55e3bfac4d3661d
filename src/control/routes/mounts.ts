import {
  type ControlRoute,
  drainOptions,
  mountId,
  noOptions,
  requestSignal,
  settingsBody,
  timeoutOption,
} from "./route.ts";

export const listMountsRoute: ControlRoute = {
  method: "GET",
  path: "/api/v0/mounts",
  handle: (context, service) => {
    noOptions(context);
    return context.json(service.status().mounts);
  },
};

export const showMountRoute: ControlRoute = {
  method: "GET",
  path: "/api/v0/mounts/:id",
  handle: (context, service) => {
    noOptions(context);
    return context.json(service.mount(mountId(context)));
  },
};

export const addMountRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/mounts",
  handle: async (context, _, settings) => {
    noOptions(context);
    const body = await settingsBody(context);
    return context.json(await settings.addMount(body, requestSignal(context)), 201);
  },
};

export const changeMountRoute: ControlRoute = {
  method: "PATCH",
  path: "/api/v0/mounts/:id",
  handle: async (context, _, settings) => {
    noOptions(context);
    const body = await settingsBody(context);
    return context.json(
      await settings.changeMount(mountId(context), body, requestSignal(context)),
    );
  },
};

export const removeMountRoute: ControlRoute = {
  method: "DELETE",
  path: "/api/v0/mounts/:id",
  handle: async (context, _, settings) => {
    const options = drainOptions(context);
    return context.json(
      await settings.removeMount(mountId(context), options, requestSignal(context)),
    );
  },
};

export const startMountRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/mounts/:id/start",
  handle: async (context, service) => {
    noOptions(context);
    return context.json(await service.startMount(mountId(context), requestSignal(context)));
  },
};

export const stopMountRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/mounts/:id/stop",
  handle: async (context, service) => {
    const options = drainOptions(context);
    return context.json(
      await service.stopMount(mountId(context), options, requestSignal(context)),
    );
  },
};

export const flushMountRoute: ControlRoute = {
  method: "POST",
  path: "/api/v0/mounts/:id/flush",
  handle: async (context, service) => {
    const timeoutMs = timeoutOption(context);
    return context.json(
      await service.flushMount(mountId(context), timeoutMs, requestSignal(context)),
    );
  },
};
