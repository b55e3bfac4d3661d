import type { ObjectSource } from "../cache/object_source.ts";

/** Reads bytes of the object that a staging file is a change of. */
export type ReadBase = (
  source: ObjectSource,
  offset: number,
  size: number,
  signal: AbortSignal,
) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
