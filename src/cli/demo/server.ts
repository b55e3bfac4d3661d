/** `cloudmount serve-s3` in a process of its own. */
import { programCommand } from "../program_command.ts";

export interface DemoServer {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Its exit code. */
  readonly exited: Promise<number>;
  /** Ends the process. */
  close(): Promise<void>;
}

/** Serves `directory` on a free port; resolves when it answers. */
export async function startDemoServer(directory: string): Promise<DemoServer> {
  const [program, ...args] = programCommand();
  const child = new Deno.Command(program!, {
    args: [...args, "serve-s3", directory, "--json"],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    // Ctrl-C is for the demo, which ends its processes in order.
    detached: true,
  }).spawn();
  let ended = false;
  const exited = child.status.then(({ code }) => {
    ended = true;
    return code;
  });
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    const { url, access_key_id, secret_access_key } = parseIfWhole(text);
    if (url === undefined) continue;
    return {
      url,
      accessKeyId: String(access_key_id),
      secretAccessKey: String(secret_access_key),
      exited,
      close: async () => {
        if (!ended) child.kill("SIGKILL");
        await exited;
      },
    };
  }
  throw new Error(`Cannot start the S3 server: it ended with code ${await exited}`);
}

function parseIfWhole(text: string): Record<string, string> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
