/**
 * rclone in its best mode for a mount: everything cached on disk, modification times from listings
 * instead of one HEAD for each file, uploads as soon after the last change as cloudmount's.
 */
import { until } from "../child.ts";
import { awsEnvironment, type MountPlace, type Peer, type Site } from "./peer.ts";

const FLUSH_MS = 120_000;

export function rclone(path: string, options: { readonly streams: boolean }): Peer {
  return {
    name: options.streams ? "rclone-streams" : "rclone",
    path,
    abilities: ["edit", "rename", "git"],
    versionArgs: ["version"],
    commands: (site) =>
      Promise.resolve(site.places.map((place, index) => ({
        path,
        args: argsOf(site, place, index, options.streams),
        env: awsEnvironment(site),
      }))),
    async flush(site) {
      await Promise.all(site.places.map(async (_, index) => {
        const proxy = { transport: "unix", path: socketOf(site, index) } as const;
        using client = Deno.createHttpClient({ proxy });
        await until("rclone has nothing to upload", FLUSH_MS, async () => {
          const response = await fetch("http://localhost/vfs/stats", { method: "POST", client });
          const { diskCache } = await response.json();
          return diskCache.uploadsInProgress + diskCache.uploadsQueued === 0;
        });
      }));
    },
  };
}

function socketOf(site: Site, index: number): string {
  return `${site.folder}/rclone${index}.sock`;
}

function argsOf(site: Site, place: MountPlace, index: number, streams: boolean): string[] {
  return [
    "mount",
    `:s3:${place.bucket}`,
    place.path,
    "--config=/dev/null",
    "--s3-provider=Other",
    "--s3-env-auth",
    `--s3-endpoint=${place.url}`,
    "--s3-force-path-style",
    "--s3-no-check-bucket",
    "--use-server-modtime",
    "--vfs-fast-fingerprint",
    "--vfs-cache-mode=full",
    ...(site.durability === "remote"
      ? ["--vfs-write-back=0s", "--vfs-handle-caching=0s"]
      : ["--vfs-write-back=1s"]),
    "--transfers=16",
    `--cache-dir=${site.folder}/cache`,
    "--rc",
    "--rc-no-auth",
    `--rc-addr=unix://${socketOf(site, index)}`,
    ...(streams ? ["--vfs-read-chunk-streams=16", "--vfs-read-chunk-size=4M"] : []),
  ];
}
