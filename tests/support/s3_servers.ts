/** Starts real S3 servers for tests when they are installed. All on loopback, gone on disposal. */
import { EMPTY_SHA256, signV4 } from "../../src/s3/sign_v4.ts";

export interface TestS3Server extends AsyncDisposable {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes a new empty bucket. */
  createBucket(name: string): Promise<void>;
}

const ACCESS_KEY = "test-access-key";
const SECRET_KEY = "test-secret-key-0123456789";

/** versitygw over a directory; undefined when it is not on PATH (or in Go's bin directory). */
export function startVersitygw(): Promise<TestS3Server | undefined> {
  return start("versitygw", (port, directory) => ({
    args: ["--port", `127.0.0.1:${port}`, "posix", directory],
    env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
  }));
}

/** MinIO over a directory; undefined when it is not on PATH (or in Go's bin directory). */
export function startMinio(): Promise<TestS3Server | undefined> {
  return start("minio", (port, directory) => ({
    args: ["server", "--quiet", "--address", `127.0.0.1:${port}`, directory],
    env: {
      MINIO_ROOT_USER: ACCESS_KEY,
      MINIO_ROOT_PASSWORD: SECRET_KEY,
      MINIO_BROWSER: "off",
      MINIO_CALLHOME_ENABLE: "off",
      MINIO_UPDATE: "off",
    },
  }));
}

/** Creates a bucket by a signed request. */
export async function createBucket(
  server: Pick<TestS3Server, "url" | "accessKeyId" | "secretAccessKey">,
  name: string,
): Promise<void> {
  const { host } = new URL(server.url);
  const headers = signV4({
    method: "PUT",
    host,
    path: `/${name}`,
    query: "",
    headers: {},
    payloadHash: EMPTY_SHA256,
    region: "us-east-1",
    timeMs: Date.now(),
  }, server);
  const response = await fetch(`${server.url}/${name}`, { method: "PUT", headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot create bucket ${name}: ${response.status} ${text}`);
}

async function start(
  program: string,
  command: (port: number, directory: string) => {
    readonly args: string[];
    readonly env: Record<string, string>;
  },
): Promise<TestS3Server | undefined> {
  const path = findProgram(program);
  if (path === undefined) return undefined;
  const directory = await makeDirectory();
  const port = freePort();
  const child = new Deno.Command(path, {
    ...command(port, directory),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  const dispose = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await Deno.remove(directory, { recursive: true });
  };
  try {
    await untilAnswering(url);
  } catch (error) {
    await dispose();
    throw error;
  }
  const server = { url, accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
  return {
    ...server,
    createBucket: (name) => createBucket(server, name),
    [Symbol.asyncDispose]: dispose,
  };
}

function findProgram(name: string): string | undefined {
  const home = Deno.env.get("HOME") ?? "/";
  const places = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    `${Deno.env.get("GOPATH") ?? `${home}/go`}/bin`,
  ];
  return places.map((place) => `${place}/${name}`).find((path) => isFile(path));
}

/** In memory where there is such a place: the servers sync each file. */
async function makeDirectory(): Promise<string> {
  const prefix = "cloudmount-test-s3-";
  try {
    return await Deno.makeTempDir({ dir: "/dev/shm", prefix });
  } catch {
    return await Deno.makeTempDir({ prefix });
  }
}

/** Free a moment ago, which is as good as it gets for a program that takes a port number. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function untilAnswering(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      const response = await fetch(url);
      await response.body?.cancel();
      if (response.status !== 503) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`Cannot start: ${url} answers 503`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
