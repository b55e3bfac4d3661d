/** All routes of the control API. */
import { clearCacheRoute } from "./cache.ts";
import { eventsRoute } from "./events.ts";
import { healthRoute } from "./health.ts";
import { metricsRoute } from "./metrics.ts";
import {
  addMountRoute,
  changeMountRoute,
  flushMountRoute,
  listMountsRoute,
  removeMountRoute,
  showMountRoute,
  startMountRoute,
  stopMountRoute,
} from "./mounts.ts";
import { reloadRoute } from "./reload.ts";
import type { ControlRoute } from "./route.ts";
import { restartRoute, shutdownRoute } from "./shutdown.ts";
import { statusRoute } from "./status.ts";

export const ROUTES: readonly ControlRoute[] = [
  healthRoute,
  statusRoute,
  eventsRoute,
  metricsRoute,
  listMountsRoute,
  addMountRoute,
  showMountRoute,
  changeMountRoute,
  removeMountRoute,
  startMountRoute,
  stopMountRoute,
  flushMountRoute,
  clearCacheRoute,
  reloadRoute,
  shutdownRoute,
  restartRoute,
];
