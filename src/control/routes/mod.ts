/** All routes of the control API. */
import { clearCacheRoute } from "./cache.ts";
import { healthRoute } from "./health.ts";
import {
  flushMountRoute,
  listMountsRoute,
  showMountRoute,
  startMountRoute,
  stopMountRoute,
} from "./mounts.ts";
import type { ControlRoute } from "./route.ts";
import { shutdownRoute } from "./shutdown.ts";
import { statusRoute } from "./status.ts";

export const ROUTES: readonly ControlRoute[] = [
  healthRoute,
  statusRoute,
  listMountsRoute,
  showMountRoute,
  startMountRoute,
  stopMountRoute,
  flushMountRoute,
  clearCacheRoute,
  shutdownRoute,
];
