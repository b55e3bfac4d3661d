import assert from "node:assert/strict";
import {
  calm,
  FakeBackend,
  fakeConfig,
  fakeMountConfig,
  NEVER,
} from "../../tests/daemon/fake_backend.ts";
import { Supervisor } from "../daemon/supervisor.ts";
import { ControlClient, NoDaemonError } from "./client.ts";
import {
  type ControlService,
  type Problem,
  ProblemError,
  type SettingsService,
} from "./protocol.ts";
import { startControlServer } from "./server.ts";

interface Rig extends AsyncDisposable {
  readonly backend: FakeBackend;
  readonly supervisor: Supervisor;
  readonly client: ControlClient;
  readonly socket: string;
  /** A request beside the client. */
  raw(method: string, path: string): Promise<{ status: number; type: string; body: unknown }>;
}

/** For requests that change none. */
const NO_SETTINGS = {} as SettingsService;

async function setUp(names: readonly string[] = ["photos"]): Promise<Rig> {
  const dir = await Deno.makeTempDir();
  const socket = `${dir}/run/control.sock`;
  const backend = new FakeBackend();
  const config = fakeConfig(names.map((name) => fakeMountConfig(name)), dir, { socket });
  const supervisor = new Supervisor(config, backend, "1.2.3");
  const server = await startControlServer(supervisor, NO_SETTINGS, socket);
  const client = new ControlClient(socket);
  const http = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  return {
    backend,
    supervisor,
    client,
    socket,
    raw: async (method, path) => {
      const response = await fetch(`http://localhost${path}`, { method, client: http });
      const type = response.headers.get("content-type") ?? "";
      return { status: response.status, type, body: await response.json() };
    },
    [Symbol.asyncDispose]: async () => {
      http.close();
      client.close();
      await server.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

Deno.test("The control socket is open to its owner only and is gone after the end", async () => {
  let socket: string;
  {
    await using rig = await setUp();
    socket = rig.socket;
    assert.equal((await Deno.stat(socket)).mode! & 0o777, 0o600);
    assert.equal(
      (await Deno.stat(`${socket}/..`.replace("/control.sock/..", ""))).mode! & 0o777,
      0o700,
    );
  }
  await assert.rejects(Deno.stat(socket), Deno.errors.NotFound);
});

Deno.test("The control API answers health with 200 when healthy and 503 when not", async () => {
  await using rig = await setUp();
  await rig.supervisor.startAll();
  assert.equal((await rig.raw("GET", "/api/v0/health")).status, 200);
  rig.backend.mounts.get("photos")!.currentTrouble = { message: "x", hint: "", sinceMs: 0 };
  const sick = await rig.raw("GET", "/api/v0/health");
  assert.equal(sick.status, 503);
  assert.deepEqual(Object.keys(sick.body as object), ["healthy", "version", "uptime_seconds"]);
  assert.equal((await rig.client.health(calm())).healthy, false);
});

Deno.test("The control API starts, shows, flushes and stops a mount", async () => {
  await using rig = await setUp(["with space/ü"]);
  const id = "with space/ü";
  assert.equal((await rig.client.startMount(id, calm())).state, "mounted");
  assert.equal((await rig.client.status(calm())).mounts[0]!.state, "mounted");
  assert.equal((await rig.client.flushMount(id, 1000, calm())).state, "mounted");
  const stopped = await rig.client.stopMount(id, { timeoutMs: 1000, force: false }, calm());
  assert.equal(stopped.state, "stopped");
  const list = await rig.raw("GET", "/api/v0/mounts");
  assert.equal((list.body as { name: string }[])[0]!.name, id);
  const one = await rig.raw("GET", `/api/v0/mounts/${encodeURIComponent(id)}`);
  assert.equal((one.body as { name: string }).name, id);
});

Deno.test("The control API clears the cache of one mount or of all", async () => {
  await using rig = await setUp(["with space/ü", "other"]);
  for (const name of ["with space/ü", "other"]) rig.backend.cached.set(name, 7);
  assert.deepEqual(await rig.client.clearCache("with space/ü", calm()), { freed_bytes: 7 });
  assert.deepEqual(await rig.client.clearCache(undefined, calm()), { freed_bytes: 7 });
  const wrong = await rig.raw("POST", "/api/v0/cache/clear?name=other");
  assert.equal(wrong.status, 400);
});

const REFUSED: readonly [string, string, number][] = [
  ["GET", "/", 404],
  ["GET", "/api/v0/nothing", 404],
  ["GET", "/api/v0/mounts/other", 404],
  ["POST", "/api/v0/mounts/other/start", 404],
  ["POST", "/api/v0/status", 405],
  ["PUT", "/api/v0/mounts/photos", 405],
  ["GET", "/api/v0/shutdown", 405],
  ["GET", "/api/v0/status?x=1", 400],
  ["POST", "/api/v0/mounts/photos/stop?force=perhaps", 400],
  ["POST", "/api/v0/mounts/photos/stop?timeout_seconds=-1", 400],
  ["POST", "/api/v0/mounts/photos/stop?timeout_seconds=1e9", 400],
  ["POST", "/api/v0/shutdown?timeout_seconds=", 400],
  ["POST", "/api/v0/mounts/photos/flush", 409],
];
for (const [method, path, status] of REFUSED) {
  Deno.test(`The control API answers ${method} ${path} with problem ${status}`, async () => {
    await using rig = await setUp();
    const answer = await rig.raw(method, path);
    assert.equal(answer.status, status);
    assert.equal(answer.type, "application/problem+json");
    const problem = answer.body as Problem;
    assert.equal(problem.status, status);
    assert.ok(problem.detail.length > 10 && problem.title.length > 3);
  });
}

Deno.test("The control API answers 504 with what is pending when a stop takes too long", async () => {
  await using rig = await setUp();
  await rig.supervisor.startAll();
  const mount = rig.backend.mounts.get("photos")!;
  mount.drained = NEVER;
  mount.pendingFiles = 2;
  await assert.rejects(
    rig.client.stopMount("photos", { timeoutMs: 5, force: false }, calm()),
    (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.problem.status, 504);
      assert.deepEqual(error.problem.pending, [{
        name: "photos",
        files: 2,
        bytes: 20,
        oldest_seconds: 3,
        oldest_paths: ["file 0", "file 1"],
        last_error: null,
      }]);
      return true;
    },
  );
});

Deno.test("The status is answered at once while a mount starts", async () => {
  await using rig = await setUp();
  const slow = Promise.withResolvers<void>();
  rig.backend.starts.set("photos", slow.promise);
  const started = rig.client.startMount("photos", calm());
  while ((await rig.client.status(calm())).mounts[0]!.state !== "starting");
  slow.resolve();
  assert.equal((await started).state, "mounted");
});

Deno.test("A stop is given up when its client goes away", async () => {
  await using rig = await setUp();
  await rig.supervisor.startAll();
  rig.backend.mounts.get("photos")!.drained = NEVER;
  const gone = new AbortController();
  const stopped = rig.client.stopMount("photos", { timeoutMs: 60_000, force: false }, gone.signal);
  while (rig.supervisor.mount("photos").state !== "draining") await rig.client.health(calm());
  gone.abort(new Error("Ctrl-C"));
  await assert.rejects(stopped, /Ctrl-C/);
  while (rig.supervisor.mount("photos").state !== "mounted") await rig.client.health(calm());
});

Deno.test("The control client says when no daemon runs", async () => {
  using client = new ControlClient("/nowhere/control.sock");
  await assert.rejects(client.status(calm()), NoDaemonError);
});

Deno.test("The control server replaces the socket of a dead daemon, not that of a living one", async () => {
  const dir = await Deno.makeTempDir();
  const socket = `${dir}/control.sock`;
  const config = fakeConfig([], dir);
  const service = new Supervisor(config, new FakeBackend(), "1.2.3") satisfies ControlService;
  // A bound socket that nobody listens on any more, as kill -9 leaves it.
  const leftover = await new Deno.Command("python3", {
    args: ["-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", socket],
  }).output().catch(() => undefined);
  if (leftover?.success !== true) await Deno.writeTextFile(socket, "");
  const server = await startControlServer(service, NO_SETTINGS, socket);
  await assert.rejects(startControlServer(service, NO_SETTINGS, socket), /another program answers/);
  await server.close();
  await assert.rejects(
    startControlServer(service, NO_SETTINGS, `${dir}/${"x".repeat(110)}`),
    /shorter/,
  );
  await Deno.remove(dir, { recursive: true });
});

Deno.test("Nobody is served while another user is connected to the control socket", async () => {
  const dir = await Deno.makeTempDir();
  const socket = `${dir}/control.sock`;
  let strangers: readonly number[] = [];
  const service = { health: () => ({ healthy: true, version: "1", uptime_seconds: 0 }) };
  const server = await startControlServer(
    service as Partial<ControlService> as ControlService,
    NO_SETTINGS,
    socket,
    () => strangers,
  );
  const client = new ControlClient(socket);
  assert.equal((await client.health(calm())).healthy, true);
  strangers = [1000];
  await assert.rejects(client.health(calm()), /another user than the daemon's owner/);
  strangers = [];
  assert.equal((await client.health(calm())).healthy, true);
  client.close();
  await server.close();
  await Deno.remove(dir, { recursive: true });
});
