import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/message_of.ts";
import { path } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { CommandError, UsageError } from "../command_error.ts";
import { EXIT, type ExitCode } from "../exit_codes.ts";

// Deno 2.6 sometimes never reports that a server with an idle client is closed.
const CLOSE_MS = 1000;

const flags = object({
  directory: argument(path("DIR"), {
    description: message`Where buckets are kept, one directory each; created if missing.`,
  }),
  port: withDefault(
    option("--port", integer({ min: 0, max: 65535, metavar: "PORT" }), {
      description: message`The port on 127.0.0.1; 0 takes a free one.`,
    }),
    0,
  ),
  accessKey: optional(option("--access-key", string({ metavar: "KEY" }), {
    description: message`The access key id that clients must use; made up if absent.`,
  })),
  secretKey: optional(option("--secret-key", string({ metavar: "KEY" }), {
    description: message`Its secret; made up if absent.`,
  })),
});

export const command: Command = {
  description:
    "Serves a directory as an S3 endpoint on this machine, until Ctrl-C. It is for trying things " +
    "out and for tests; it speaks http and listens on 127.0.0.1 only.",
  parser: map(flags, (flags) => (context) => serve(context, flags)),
  takesJson: true,
  examples: [
    { line: "cloudmount serve-s3 ./buckets", meaning: "prints its URL and keys" },
    {
      line: "cloudmount serve-s3 ./buckets --port 9000 --access-key me --secret-key mine1234",
      meaning: "the same every time",
    },
  ],
  exitCodes: [],
};

async function serve(
  { output, signal }: CommandContext,
  { directory, port, accessKey, secretKey }: {
    readonly directory: string;
    readonly port: number;
    readonly accessKey: string | undefined;
    readonly secretKey: string | undefined;
  },
): Promise<ExitCode> {
  if ((accessKey === undefined) !== (secretKey === undefined)) {
    throw new UsageError("--access-key and --secret-key go together", "Write both or none");
  }
  const accessKeyId = accessKey ?? madeUp(10).toUpperCase();
  const secretAccessKey = secretKey ?? madeUp(20);
  const { startS3Server } = await import("../../serve_s3/server.ts");
  const server = await startS3Server({
    directory,
    hostname: "127.0.0.1",
    port,
    accessKeyId,
    secretAccessKey,
  }).catch((error: unknown) => {
    const reason = messageOf(error);
    throw new CommandError(`Cannot serve ${directory} on port ${port}: ${reason}`, {
      cause: error,
    });
  });
  output.show(
    { url: server.url, directory, access_key_id: accessKeyId, secret_access_key: secretAccessKey },
    () =>
      [
        `Serving ${directory} at ${server.url} until Ctrl-C. For a client:`,
        `  export AWS_ENDPOINT_URL=${server.url}`,
        `  export AWS_ACCESS_KEY_ID=${accessKeyId}`,
        `  export AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
        "  export AWS_REGION=us-east-1",
      ].join("\n"),
  );
  await aborted(signal);
  await Promise.race([server.close(), systemClock.sleep(CLOSE_MS)]);
  return EXIT.done;
}

/** Hexadecimal digits nobody can guess. */
function madeUp(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
