/** The program's version, from deno.json. */
import manifest from "../../deno.json" with { type: "json" };

export const VERSION: string = manifest.version;

/** "cloudmount 1.2.3 (linux x86_64, Deno 2.9.6)". */
export function versionText(): string {
  return `cloudmount ${VERSION} (${Deno.build.os} ${Deno.build.arch}, Deno ${Deno.version.deno})`;
}
