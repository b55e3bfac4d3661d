/** The programs that are compared. */
import { findProgram } from "../child.ts";
import { geesefs, goofys } from "./goofys.ts";
import { mountS3, mpMount } from "./mountpoint.ts";
import type { Peer } from "./peer.ts";
import { rclone } from "./rclone.ts";
import { s3fs } from "./s3fs.ts";

/** Program names, and the peers that each is; of two with the same name the first found is used. */
const PROGRAMS: readonly (readonly [program: string, peers: (path: string) => readonly Peer[]])[] =
  [
    ["mount-s3", (path) => [mountS3(path)]],
    ["mp-mount", (path) => [mpMount(path)]],
    ["rclone", (path) => [rclone(path, { streams: false }), rclone(path, { streams: true })]],
    ["s3fs", (path) => [s3fs(path)]],
    ["geesefs", (path) => [geesefs(path)]],
    ["goofys", (path) => [goofys(path)]],
  ];

/** Those that are installed. */
export function findPeers(): Peer[] {
  const found = new Map<string, Peer>();
  for (const [program, peers] of PROGRAMS) {
    const path = findProgram(program);
    for (const peer of path === undefined ? [] : peers(path)) {
      if (!found.has(peer.name)) found.set(peer.name, peer);
    }
  }
  return [...found.values()];
}
