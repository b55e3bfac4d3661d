/** goofys, and geesefs which comes from it. */
import { awsEnvironment, type Peer, type Site } from "./peer.ts";

export function goofys(path: string): Peer {
  return {
    name: "goofys",
    path,
    abilities: ["rename"],
    versionArgs: ["--version"],
    commands: (site) => Promise.resolve(commandsOf(path, site, [])),
  };
}

export function geesefs(path: string): Peer {
  return {
    name: "geesefs",
    path,
    abilities: ["edit", "rename", "git"],
    versionArgs: ["--version"],
    commands: (site) => Promise.resolve(commandsOf(path, site, ["--memory-limit", "512"])),
  };
}

function commandsOf(path: string, site: Site, options: readonly string[]) {
  return site.places.map((place) => ({
    path,
    args: ["-f", "--endpoint", place.url, "--region", "us-east-1", ...options]
      .concat(place.bucket, place.path),
    env: awsEnvironment(site),
  }));
}
