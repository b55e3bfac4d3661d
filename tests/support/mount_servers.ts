/** The S3 servers behind mounts under test, and how the program itself is started. */
import { fileURLToPath } from "node:url";
import type { RequestCounts as RequestCounter } from "../../src/serve_s3/request_counts.ts";
import { startS3Server } from "../../src/serve_s3/server.ts";
import { createBucket, startVersitygw, type TestS3Server } from "./s3_servers.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Arguments of the runtime that run the program; its own follow. */
export const PROGRAM = ["run", "-A", "--no-check", "--config", CONFIG, MAIN] as const;

/** "real": versitygw where it is installed, else serve-s3. "counted": its requests can be read. */
export type ServerKind = "real" | "serve-s3" | "counted";

/** serve-s3 as a process of its own, over a directory that goes with it. */
async function startServeS3(): Promise<TestS3Server> {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-test-s3-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: [...PROGRAM, "serve-s3", directory, "--json"],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let said = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (said.includes("}")) break;
  }
  const server = JSON.parse(said);
  const base = {
    url: String(server.url),
    accessKeyId: String(server.access_key_id),
    secretAccessKey: String(server.secret_access_key),
  };
  return {
    ...base,
    createBucket: (name) => createBucket(base, name),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

export interface CountingServer extends TestS3Server {
  readonly counts: RequestCounter;
}

/**
 * serve-s3 in this process, whose counts can be read. While it is mounted, not even `close` of a file in
 * the mount may be called here: it is synchronous, and would wait for this very process to answer.
 */
async function startCountedS3(): Promise<CountingServer> {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-test-s3-" });
  const keys = { accessKeyId: "test-access-key", secretAccessKey: "test-secret-key-0123456789" };
  const server = await startS3Server({ directory, ...keys });
  const base = { url: server.url, ...keys };
  return {
    ...base,
    counts: server.counts,
    createBucket: (name) => createBucket(base, name),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** It begins without buckets. */
export async function startServer(kind: ServerKind = "real"): Promise<TestS3Server> {
  if (kind === "counted") return await startCountedS3();
  const real = kind === "serve-s3" ? undefined : await startVersitygw();
  return real ?? await startServeS3();
}
