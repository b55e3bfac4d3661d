import assert from "node:assert/strict";
import { fakeMountStatus, fakeStatus } from "../../tests/daemon/fake_status.ts";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import type { MountStatus, StatusDocument } from "./protocol.ts";
import { statusEvents } from "./status_events.ts";

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A client of a daemon whose status the test decides. */
class Client {
  status: StatusDocument = {
    ...fakeStatus([]),
    mounts: [fakeMountStatus("a"), fakeMountStatus("b")],
  };
  readonly clock = new FakeClock();
  readonly end = new AbortController();
  readonly reader = statusEvents(() => this.status, this.clock, this.end.signal).getReader();
  #reading: Promise<void> | undefined;
  #text = "";

  setMounts(...mounts: readonly MountStatus[]): void {
    this.status = { ...this.status, mounts };
  }

  /** Lets half a second go by; the raw text that came. */
  async text(ms = 500): Promise<string> {
    this.#reading ??= this.reader.read().then(({ value }) => {
      this.#text += new TextDecoder().decode(value);
      this.#reading = undefined;
    });
    await settle();
    if (this.#text === "") await this.clock.advance(ms);
    await settle();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  async told(): Promise<Told[]> {
    const text = await this.text();
    return [...text.matchAll(/event: (\w+)\ndata: (.+)\n\n/g)].map(([, event, data]) => ({
      event: event!,
      data: JSON.parse(data!) as Record<string, unknown>,
    }));
  }
}

Deno.test("Events begin with the whole status, and go on with what changes", async () => {
  const client = new Client();
  const [first, ...more] = await client.told();
  assert.deepEqual(first, { event: "status", data: JSON.parse(JSON.stringify(client.status)) });
  assert.deepEqual(more, []);
  client.setMounts(fakeMountStatus("a"), fakeMountStatus("b", { state: "degraded" }));
  assert.deepEqual((await client.told()).map(({ event, data }) => [event, data["id"]]), [
    ["mount", "b"],
  ]);
  client.setMounts(fakeMountStatus("b", { state: "degraded" }), fakeMountStatus("c"));
  assert.deepEqual((await client.told()).map(({ event, data }) => [event, data["id"]]), [
    ["mount", "c"],
    ["removed", "a"],
  ]);
  client.status = { ...client.status, healthy: false };
  const [daemon] = await client.told();
  assert.deepEqual([daemon!.event, daemon!.data["healthy"]], ["daemon", false]);
  assert.ok(!("mounts" in daemon!.data));
  await client.reader.cancel();
});

Deno.test("What only grows older is no event; a sign of life comes in between", async () => {
  const client = new Client();
  await client.told();
  client.status = { ...client.status, uptime_seconds: 9 };
  client.setMounts(
    fakeMountStatus("a", { last_contact_seconds: 7 }),
    fakeMountStatus("b", { last_contact_seconds: 8 }),
  );
  let text = "";
  let waitedMs = 0;
  for (; text === ""; waitedMs += 500) text = await client.text();
  assert.equal(text, ": \n\n");
  assert.equal(waitedMs, 15_000);
  await client.reader.cancel();
});

Deno.test("A client that reads late is told how things are then, and nothing is kept for it", async () => {
  const client = new Client();
  await client.told();
  for (let round = 0; round < 1000; round++) {
    client.setMounts(fakeMountStatus("a", { hidden_keys: round }), fakeMountStatus("b"));
    await client.clock.advance(500);
  }
  const late = [...await client.told(), ...await client.told(), ...await client.told()];
  assert.ok(late.length <= 3, `${late.length} events`);
  assert.equal(late.at(-1)!.data["hidden_keys"], 999);
  await client.reader.cancel();
});

Deno.test("Events end with the server, and with the client", async () => {
  const client = new Client();
  await client.told();
  client.end.abort();
  assert.equal((await client.reader.read()).done, true);
  const gone = new Client();
  await gone.told();
  await gone.reader.cancel();
  await settle();
  assert.equal(gone.clock.sleeping, 0);
});
