import assert from "node:assert/strict";
import { METRICS } from "../control/metrics.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** A program that exports the metrics of one status. */
const PROGRAM = `
import { exportMetrics } from ${JSON.stringify(import.meta.resolve("./telemetry.ts"))};
import { fakeStatus } from ${
  JSON.stringify(import.meta.resolve("../../tests/daemon/fake_status.ts"))
};
setTimeout(() => Deno.exit(), 3000);
await exportMetrics(() => fakeStatus([{}]), "1");
`;

/** What comes to a collector until it has `word`, or three seconds. */
async function exported(
  word: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  let received = "";
  const found = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (got) => {
    // Names are plain in Protocol Buffers.
    received += new TextDecoder().decode(await got.arrayBuffer());
    if (received.includes(word)) found.resolve();
    return new Response("{}");
  });
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, PROGRAM);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", CONFIG, file],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      ...variables,
    },
    stdin: "null",
  }).spawn();
  await Promise.race([found.promise, child.status]);
  try {
    child.kill("SIGKILL");
  } catch (error) {
    assert.ok(error instanceof TypeError);
  }
  await child.status;
  await server.shutdown();
  await Deno.remove(file);
  return received;
}

Deno.test("Metrics go to an OpenTelemetry collector when the environment names one", async () => {
  const last = METRICS.findLast(({ name }) => name.endsWith("hidden_keys"))!.name;
  const received = await exported(last, { OTEL_DENO: "true", OTEL_SERVICE_NAME: "my-mounts" });
  for (const word of ["my-mounts", "cloudmount_requests_total", "cloudmount_conflicts", "photos"]) {
    assert.ok(received.includes(word), word);
  }
});

Deno.test("Without Deno's exporter nothing is sent", async () => {
  assert.equal(await exported("cloudmount", {}), "");
});
