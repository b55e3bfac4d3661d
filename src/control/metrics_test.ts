import assert from "node:assert/strict";
import { withFakeDaemon } from "../../tests/daemon/fake_daemon.ts";
import { metricsText } from "./metrics.ts";

Deno.test("Metrics are in Prometheus' text format, each family together and described once", async () => {
  await withFakeDaemon(async ({ supervisor, backend, settings }) => {
    await settings.addMount({ bucket: "docs", mount_point: "/d" }, new AbortController().signal);
    backend.mounts.get("photos")!.gets = 4;
    const lines = metricsText(supervisor.status()).trimEnd().split("\n");
    const seen = new Set<string>();
    let family = "";
    for (const line of lines) {
      const [, kind, name] = /^# (HELP|TYPE) (cloudmount_[a-z_]+) \S/.exec(line) ?? [];
      if (kind === "HELP") {
        assert.ok(!seen.has(name!), name);
        seen.add(family = name!);
      } else if (kind === undefined) {
        const sample = /^([a-z_]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[\d.e+-]+$/;
        assert.equal(sample.exec(line)?.[1], family, line);
      }
    }
    assert.ok(lines.includes('cloudmount_requests_total{mount="photos",operation="get"} 4'));
    assert.ok(lines.includes('cloudmount_mount_state{mount="docs",state="mounted"} 1'));
    assert.ok(lines.includes("# TYPE cloudmount_requests_total counter"));
    assert.ok(!lines.some((line) => line.includes("null") || line.includes("NaN")));
  });
});

Deno.test("Label values cannot break out of their quotes", async () => {
  await withFakeDaemon(({ supervisor }) => {
    const status = supervisor.status();
    const prefix = 'a"b\\c\nd/';
    const mounts = status.mounts.map((mount) => ({ ...mount, prefix }));
    assert.ok(metricsText({ ...status, mounts }).includes('prefix="a\\"b\\\\c\\nd/"'));
    return Promise.resolve();
  });
});

Deno.test("GET /metrics and GET /api/v0/events are served with their types", async () => {
  await withFakeDaemon(async ({ socket, stop }) => {
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
    const metrics = await fetch("http://localhost/metrics", { client });
    assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.match(await metrics.text(), /^# HELP /);
    const events = await fetch("http://localhost/api/v0/events", { client });
    assert.equal(events.headers.get("content-type"), "text/event-stream");
    const reader = events.body!.getReader();
    assert.match(
      new TextDecoder().decode((await reader.read()).value),
      /^retry: .*\nevent: status/,
    );
    await stop();
    while (!(await reader.read().catch(() => ({ done: true }))).done);
  });
});
