/**
 * Log lines. Rooms get a logger by category and write structured messages; the daemon decides where
 * they go (see the LogTape configuration in src/daemon).
 */
import { getLogger, type Logger } from "@logtape/logtape";

export type { Logger };

/** The logger of a room, for example `logger("fuse")`, or of a mount in it: `logger("fuse", "photos")`. */
export function logger(...category: string[]): Logger {
  return getLogger(["cloudmount", ...category]);
}
