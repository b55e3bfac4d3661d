import assert from "node:assert/strict";
import { BusConnection, callOfBus, watchSystemWaking } from "./system_bus.ts";
import { findProgram } from "../../tests/support/find_program.ts";

const LOGIND = "org.freedesktop.login1";

/** A bus of our own, on which this test is logind; undefined where there is no dbus-daemon. */
async function startBus(
  directory: string,
): Promise<AsyncDisposable & { path: string } | undefined> {
  const program = await findProgram("dbus-daemon");
  if (program === undefined) return undefined;
  const path = `${directory}/bus`;
  const child = new Deno.Command(program, {
    args: ["--session", "--nofork", "--print-address=1", `--address=unix:path=${path}`],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read(); // It listens when it tells its address.
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

Deno.test("watchSystemWaking hears logind tell of waking, and of nothing else", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-bus-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const bus = stack.use(await startBus(directory));
  if (bus === undefined) {
    await Deno.stderr.write(new TextEncoder().encode("Not run: there is no dbus-daemon\n"));
    return;
  }
  using logind = await BusConnection.open(bus.path);
  using stranger = await BusConnection.open(bus.path);
  await logind.send(callOfBus("RequestName", [LOGIND, 0]));
  const end = new AbortController();
  let count = 0;
  let woken = Promise.withResolvers<void>();
  const watching = watchSystemWaking(
    () => {
      count++;
      woken.resolve();
    },
    end.signal,
    bus.path,
  );
  const tell = (from: BusConnection, isBefore: boolean) =>
    from.send({
      type: "signal",
      path: "/org/freedesktop/login1",
      interface: `${LOGIND}.Manager`,
      member: "PrepareForSleep",
      body: [isBefore],
    });
  let told = 0;
  const round = async () => {
    await tell(stranger, false);
    await tell(logind, true);
    await tell(logind, false);
    told++;
  };
  // Until the watch has said what it wants to hear.
  while (count === 0) {
    await round();
    await Promise.race([woken.promise, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  for (let more = 0; more < 10; more++) {
    woken = Promise.withResolvers();
    await round();
    await woken.promise;
  }
  assert.ok(count >= 11 && count <= told, `${count} of ${told}`);
  end.abort();
  await watching;
});

Deno.test("watchSystemWaking ends where there is no bus, or something else", async () => {
  const { signal } = new AbortController();
  await watchSystemWaking(() => {}, signal, "/nowhere/bus");
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-bus-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const listener = Deno.listen({ transport: "unix", path: `${directory}/bus` });
  const refusing = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(100));
    await connection.write(new TextEncoder().encode("REJECTED EXTERNAL\r\n"));
  })();
  await watchSystemWaking(() => {}, signal, `${directory}/bus`);
  await refusing;
  listener.close();
});
