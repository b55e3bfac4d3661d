import assert from "node:assert/strict";
import { CONFIG_TEXT, type FakeDaemon, withFakeDaemon } from "../../tests/daemon/fake_daemon.ts";
import type { Problem } from "./protocol.ts";

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Record<string, unknown>;
}

async function send(
  { socket }: FakeDaemon,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    const response = await fetch(`http://localhost/api/v0${path}`, {
      method,
      client,
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const type = response.headers.get("content-type") ?? "";
    return {
      status: response.status,
      type,
      body: await response.json() as Record<string, unknown>,
    };
  } finally {
    client.close();
  }
}

const fieldsOf = ({ body }: Answer) =>
  (body as unknown as Problem).errors?.map(({ field }) => field);

Deno.test("POST, PATCH and DELETE of mounts create, change and remove one", async () => {
  await withFakeDaemon(async (daemon) => {
    const created = await send(daemon, "POST", "/mounts", { bucket: "docs", mount_point: "/d" });
    assert.deepEqual([created.status, created.body["id"], created.body["state"]], [
      201,
      "docs",
      "mounted",
    ]);
    const changed = await send(daemon, "PATCH", "/mounts/docs", { read_only: true });
    assert.deepEqual([changed.status, changed.body["read_only"]], [200, true]);
    daemon.backend.mounts.get("docs")!.busy = true;
    assert.equal((await send(daemon, "DELETE", "/mounts/docs")).status, 409);
    const removed = await send(daemon, "DELETE", "/mounts/docs?force=true");
    assert.deepEqual([removed.status, removed.body["state"]], [200, "stopped"]);
    assert.equal((await send(daemon, "GET", "/mounts/docs")).status, 404);
    assert.equal((await send(daemon, "DELETE", "/mounts/docs")).status, 404);
    assert.equal(await Deno.readTextFile(daemon.file.path), `${CONFIG_TEXT}\n`);
  });
});

Deno.test("A taken name or mount point is answered with 409, other faults with 422, by field", async () => {
  await withFakeDaemon(async (daemon) => {
    const taken = await send(daemon, "POST", "/mounts", {
      name: "photos",
      bucket: "docs",
      mount_point: "~/photos",
    });
    assert.deepEqual([taken.status, taken.type], [409, "application/problem+json"]);
    assert.deepEqual(fieldsOf(taken), ["name", "mount_point"]);
    const wrong = await send(daemon, "POST", "/mounts", {
      bucket: "docs",
      mount_point: "/d",
      uid: "x",
      atributes: "full",
    });
    assert.deepEqual([wrong.status, fieldsOf(wrong)], [422, ["atributes"]]);
    const patch = await send(daemon, "PATCH", "/mounts/photos", { uid: "x", file_mode: 7 });
    assert.deepEqual([patch.status, fieldsOf(patch)?.sort()], [422, ["file_mode", "uid"]]);
    assert.equal(await Deno.readTextFile(daemon.file.path), CONFIG_TEXT);
  });
});

Deno.test("A body that is not a JSON object, or is endless, is answered with 400", async () => {
  await withFakeDaemon(async (daemon) => {
    for (const body of ["", "[]", "{", '"x"', `{"bucket": "${"x".repeat(70_000)}"}`]) {
      const answer = await send(daemon, "POST", "/mounts", body);
      assert.equal(answer.status, 400, body.slice(0, 20));
    }
  });
});

Deno.test("POST /reload tells what has changed, and the faults of a broken file with their places", async () => {
  await withFakeDaemon(async (daemon) => {
    await Deno.writeTextFile(daemon.file.path, CONFIG_TEXT.replace("photos", "pics"));
    const reloaded = await send(daemon, "POST", "/reload");
    assert.equal(reloaded.status, 200);
    assert.deepEqual([reloaded.body["added"], reloaded.body["removed"]], [["pics"], ["photos"]]);
    await Deno.writeTextFile(daemon.file.path, CONFIG_TEXT.replace("photos", "p/q"));
    const broken = await send(daemon, "POST", "/reload");
    assert.equal(broken.status, 422);
    const [fault] = (broken.body as unknown as Problem).errors!;
    assert.deepEqual([fault!.field, fault!.line], ["mount[0].name", 6]);
    assert.deepEqual(daemon.supervisor.status().mounts.map(({ name }) => name), ["pics"]);
    assert.match(daemon.supervisor.status().config_error!.message, /mount\[0\]\.name/);
  });
});
