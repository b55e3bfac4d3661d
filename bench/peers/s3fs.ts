/** s3fs with its disk cache, and more parallel requests than by default. */
import { awsEnvironment, type Peer } from "./peer.ts";

export function s3fs(path: string): Peer {
  return {
    name: "s3fs",
    path,
    abilities: ["edit", "rename", "git"],
    versionArgs: ["--version"],
    async commands(site) {
      const { accessKeyId, secretAccessKey } = site.credentials;
      const passwords = `${site.folder}/passwd-s3fs`;
      await Deno.writeTextFile(passwords, `${accessKeyId}:${secretAccessKey}\n`, { mode: 0o600 });
      await Deno.mkdir(`${site.folder}/cache`, { recursive: true });
      return site.places.map((place) => ({
        path,
        args: [place.bucket, place.path, "-f"].concat(
          [
            `passwd_file=${passwords}`,
            `url=${place.url}`,
            "use_path_request_style",
            `use_cache=${site.folder}/cache`,
            "enable_noobj_cache",
            "parallel_count=20",
            "multireq_max=64",
          ].flatMap((option) => ["-o", option]),
        ),
        env: awsEnvironment(site),
      }));
    },
  };
}
