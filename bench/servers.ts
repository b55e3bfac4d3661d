/** The S3 server behind all mounts: versitygw where it is installed, else the project's own. */
import { fileURLToPath } from "node:url";
import { Child, type CommandLine, findProgram, run, until } from "./child.ts";

export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Its list of requests, if it keeps one. */
  readonly logPath: string | undefined;
}

const KEYS = { accessKeyId: "bench-access-key", secretAccessKey: "bench-secret-key-0123456789" };
const START_MS = 30_000;

/** Serves `directory`; `folder` takes what else the server writes. */
export async function startServer(directory: string, folder: string): Promise<Server> {
  const versitygw = findProgram("versitygw");
  const port = freePort();
  const logPath = versitygw === undefined ? undefined : `${folder}/requests.log`;
  await Deno.mkdir(directory, { recursive: true });
  const url = `http://127.0.0.1:${port}`;
  const child = await startServing(
    versitygw === undefined
      ? serveS3(directory, port)
      : gateway(versitygw, directory, port, `${folder}/requests.log`),
    url,
  );
  const name = versitygw === undefined ? "serve-s3" : await versionOf(versitygw);
  const end = () => child.end("SIGKILL");
  return { ...KEYS, name, url, port, logPath, [Symbol.asyncDispose]: end };
}

/** Resolves when the program answers at `url`. */
export async function startServing(command: CommandLine, url: string): Promise<Child> {
  const child = new Child(command);
  try {
    await until(`${url} answers`, START_MS, () => {
      if (child.hasEnded) throw new Error(`Cannot start the server: ${child.lastWords}`);
      return answers(url);
    });
  } catch (error) {
    await child.end("SIGKILL");
    throw error;
  }
  return child;
}

function gateway(path: string, directory: string, port: number, logPath: string): CommandLine {
  return {
    path,
    // Connections are kept, as S3 keeps them.
    args: ["--port", `127.0.0.1:${port}`, "--keep-alive", "--quiet", "--access-log", logPath]
      .concat("posix", directory),
    env: { ROOT_ACCESS_KEY: KEYS.accessKeyId, ROOT_SECRET_KEY: KEYS.secretAccessKey },
  };
}

function serveS3(directory: string, port: number): CommandLine {
  const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
  const { accessKeyId, secretAccessKey } = KEYS;
  return {
    path: Deno.execPath(),
    args: ["run", "-A", "--no-check", "--config", path("deno.json"), path("main.ts")]
      .concat("serve-s3", directory, "--port", String(port))
      .concat("--access-key", accessKeyId, "--secret-key", secretAccessKey),
  };
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ["--version"]);
  return `versitygw ${/[Vv]ersion\s*:\s*(\S+)/.exec(stdout)?.[1] ?? ""}`.trim();
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status !== 503;
  } catch {
    return false;
  }
}

/** Free a moment ago, which is as good as it gets for a program that takes a port number. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
