/**
 * The files that the AWS command line and its friends keep credentials in. The SDK reads them; here is
 * told whether they have changed since, and what kind of sign-in a profile is about.
 */
import { join } from "node:path";
import type { ReadEnv } from "./credentials.ts";

/** How a profile gets its credentials, as far as that matters to whoever has to renew them. */
export type ProfileKind = "sso" | "login" | "process" | "keys";

/** A text that is another one when any of the files is: paths, times and sizes. */
export async function awsFilesState(readEnv: ReadEnv): Promise<string> {
  const home = awsDirectory(readEnv);
  const caches = [join(home, "sso", "cache"), join(home, "login", "cache")];
  const paths = [
    readEnv("AWS_SHARED_CREDENTIALS_FILE") ?? join(home, "credentials"),
    configPath(readEnv),
    readEnv("AWS_WEB_IDENTITY_TOKEN_FILE") ?? "",
    ...(await Promise.all(caches.map(filesIn))).flat(),
  ];
  return (await Promise.all(paths.filter((path) => path !== "").map(stateOf))).join("\n");
}

/** "keys" also for a profile that is not there. */
export async function profileKind(profile: string, readEnv: ReadEnv): Promise<ProfileKind> {
  const text = await Deno.readTextFile(configPath(readEnv)).catch(() => "");
  const names = profile === "default" ? ["default", "profile default"] : [`profile ${profile}`];
  let isInside = false;
  for (const line of text.split("\n")) {
    const section = /^\s*\[\s*(.+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) isInside = names.includes(section.replace(/["']/g, ""));
    else if (isInside && /^\s*sso_(session|start_url)\s*=/.test(line)) return "sso";
    else if (isInside && /^\s*login_session\s*=/.test(line)) return "login";
    else if (isInside && /^\s*credential_process\s*=/.test(line)) return "process";
  }
  return "keys";
}

function awsDirectory(readEnv: ReadEnv): string {
  return join(readEnv("HOME") ?? "", ".aws");
}

function configPath(readEnv: ReadEnv): string {
  return readEnv("AWS_CONFIG_FILE") ?? join(awsDirectory(readEnv), "config");
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
    return names.sort().map((name) => join(directory, name));
  } catch {
    return []; // Nobody has signed in yet.
  }
}

async function stateOf(path: string): Promise<string> {
  try {
    const { mtime, size } = await Deno.stat(path);
    return `${path} ${mtime?.getTime()} ${size}`;
  } catch {
    return `${path} -`;
  }
}
