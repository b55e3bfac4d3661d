/** The ways from a mount to the server, and what went over them. */
import { fileURLToPath } from "node:url";
import type { LineReport } from "./proxy/main.ts";
import { kindInLog, noRequests, type RequestCounts } from "./request_kinds.ts";
import type { Server } from "./servers.ts";

export type Network = "near" | "far";

/** "far": what a request's round trip takes, and what one connection carries in each direction. */
export const FAR = { delayMs: 30, bytesPerSecond: 60_000_000 } as const;

export interface Line extends AsyncDisposable {
  readonly url: string;
  /** Requests since the start. */
  requests(): Promise<RequestCounts>;
}

/**
 * "near" goes directly to a server that lists its requests: a proxy would take CPU time from the mount.
 * All else goes through one.
 */
export async function openLine(network: Network, server: Server): Promise<Line> {
  if (network === "near" && server.logPath !== undefined) {
    return new LoggedLine(server.url, server.logPath);
  }
  return await ProxyLine.open(server, network === "far" ? FAR : undefined);
}

class LoggedLine implements Line {
  readonly url: string;
  readonly #path: string;
  readonly #counts = noRequests();
  #offset = 0;
  #rest = "";

  constructor(url: string, path: string) {
    this.url = url;
    this.#path = path;
  }

  async requests(): Promise<RequestCounts> {
    // The line is written when the answer is.
    await new Promise((resolve) => setTimeout(resolve, 20));
    using file = await Deno.open(this.#path);
    await file.seek(this.#offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(await new Response(file.readable).arrayBuffer());
    this.#offset += bytes.length;
    const lines = (this.#rest + new TextDecoder().decode(bytes)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const kind = kindInLog(line);
      if (kind !== undefined) this.#counts[kind]++;
    }
    return { ...this.#counts };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const PROXY = fileURLToPath(new URL("./proxy/main.ts", import.meta.url));

export class ProxyLine implements Line {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: Deno.ChildProcess, answers: AsyncIterator<string>, port: number) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#answers = answers;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async open(
    server: Pick<Server, "port">,
    limits?: { readonly delayMs: number; readonly bytesPerSecond: number },
  ): Promise<ProxyLine> {
    const { delayMs = 0, bytesPerSecond = Infinity } = limits ?? {};
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-config", PROXY]
        .concat(String(server.port), String(delayMs), String(bytesPerSecond)),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const answers = linesOf(child.stdout);
    const { value } = await answers.next();
    return new ProxyLine(child, answers, Number(JSON.parse(value ?? "{}").port));
  }

  async report(): Promise<LineReport> {
    await this.#input.write(new TextEncoder().encode("?\n"));
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("Cannot count requests: the proxy has ended");
    return JSON.parse(value) as LineReport;
  }

  async requests(): Promise<RequestCounts> {
    const { requests, errors } = await this.report();
    if (errors.length > 0) throw new Error(`Cannot count requests: ${errors.join("; ")}`);
    return requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
