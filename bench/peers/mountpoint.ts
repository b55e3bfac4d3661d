/** Mountpoint for Amazon S3. It writes new files in order, and changes and renames none. */
import { awsEnvironment, type Peer } from "./peer.ts";

/** The released program. */
export function mountS3(path: string): Peer {
  return {
    name: "mountpoint",
    path,
    abilities: [],
    versionArgs: ["--version"],
    commands: (site) =>
      Promise.resolve(site.places.map((place) => ({
        path,
        args: [place.bucket, place.path, "--foreground", "--force-path-style", "--allow-delete"]
          .concat("--allow-overwrite", "--endpoint-url", place.url, "--region", "us-east-1"),
        env: awsEnvironment(site),
      }))),
  };
}

/** A program of its own around Mountpoint's library, for machines without the released one. */
export function mpMount(path: string): Peer {
  return {
    name: "mountpoint",
    path,
    abilities: [],
    commands: (site) =>
      Promise.resolve(site.places.map((place) => ({
        path,
        args: [place.bucket, place.path, place.url],
        env: awsEnvironment(site),
      }))),
  };
}
