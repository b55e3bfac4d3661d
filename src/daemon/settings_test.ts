import assert from "node:assert/strict";
import { calm, FakeBackend } from "../../tests/daemon/fake_backend.ts";
import { CONFIG_TEXT as TEXT } from "../../tests/daemon/fake_daemon.ts";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import { ConfigFile } from "../config/config_file.ts";
import type { Config } from "../config/types.ts";
import { type Problem, ProblemError } from "../control/protocol.ts";
import { Settings } from "./settings.ts";
import { Supervisor } from "./supervisor.ts";

interface Scene {
  readonly backend: FakeBackend;
  readonly file: ConfigFile;
  readonly settings: Settings;
  readonly supervisor: Supervisor;
  readonly applied: Config[];
  /** Names and states. */
  readonly states: () => Record<string, string>;
}

async function withSettings(body: (scene: Scene) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  const file = new ConfigFile(`${home}/cloudmount.toml`, pathEnvironment(home));
  try {
    await Deno.writeTextFile(file.path, TEXT);
    const loaded = await file.read();
    const backend = new FakeBackend();
    const supervisor = new Supervisor(loaded.config, backend, "1.2.3");
    const applied: Config[] = [];
    const settings = new Settings({
      file,
      loaded,
      supervisor,
      onApplied: (config) => {
        applied.push(config);
        return Promise.resolve();
      },
    });
    await supervisor.startAll();
    const states = () =>
      Object.fromEntries(supervisor.status().mounts.map(({ name, state }) => [name, state]));
    await body({ backend, file, settings, supervisor, applied, states });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return error.problem;
  }
  throw new Error("nothing was thrown");
}

Deno.test("A file with errors changes nothing, and the status tells until it is mended", async () => {
  await withSettings(async ({ file, settings, supervisor, states, backend }) => {
    await Deno.writeTextFile(file.path, TEXT.replace("log_level", "log_levle"));
    const problem = await problemOf(settings.reload(calm()));
    assert.equal(problem.status, 422);
    assert.deepEqual(problem.errors, [{
      field: "daemon.log_levle",
      line: 3,
      column: 1,
      message: "unknown key",
      hint: 'did you mean "log_level"?',
    }]);
    const trouble = supervisor.status().config_error!;
    assert.match(trouble.message, /goes on as before.*log_levle/s);
    await settings.reloadIfChanged();
    assert.equal(supervisor.status().config_error!.since, trouble.since);
    assert.deepEqual(states(), { photos: "mounted" });
    await Deno.writeTextFile(file.path, TEXT);
    await settings.reloadIfChanged();
    assert.equal(supervisor.status().config_error, null);
    assert.equal(backend.startCount, 1);
  });
});

Deno.test("A file that was saved without a change is not applied again", async () => {
  await withSettings(async ({ file, settings, applied }) => {
    await Deno.writeTextFile(file.path, TEXT);
    await settings.reloadIfChanged();
    assert.equal(applied.length, 0);
    await Deno.writeTextFile(file.path, TEXT.replace('"info"', '"debug"'));
    await settings.reloadIfChanged();
    assert.deepEqual(applied.map(({ daemon }) => daemon.logLevel), ["debug"]);
  });
});

Deno.test("A mount that is added is in the file and mounted; a watch finds nothing new", async () => {
  await withSettings(async ({ file, settings, states, applied }) => {
    const status = await settings.addMount({ bucket: "docs", mount_point: "/docs" }, calm());
    assert.equal(status.state, "mounted");
    assert.deepEqual(states(), { photos: "mounted", docs: "mounted" });
    assert.ok((await Deno.readTextFile(file.path)).startsWith(TEXT));
    await settings.reloadIfChanged();
    assert.equal(applied.length, 1);
  });
});

Deno.test("Settings that cannot be are refused by field, and the file stays as it was", async () => {
  await withSettings(async ({ file, settings }) => {
    const taken = await problemOf(
      settings.addMount({ name: "photos", bucket: "docs", mount_point: "/docs" }, calm()),
    );
    assert.deepEqual([taken.status, taken.errors?.[0]?.field], [409, "name"]);
    const wrong = await problemOf(settings.addMount({ bucket: "docs", uid: -1 }, calm()));
    assert.deepEqual([wrong.status, wrong.errors?.[0]?.field], [422, "mount_point"]);
    const range = await problemOf(settings.changeMount("photos", { uid: -1 }, calm()));
    assert.deepEqual([range.status, range.errors?.[0]?.field], [422, "uid"]);
    const unknown = await problemOf(settings.changeMount("videos", { uid: 1 }, calm()));
    assert.equal(unknown.status, 404);
    assert.equal(await Deno.readTextFile(file.path), TEXT);
  });
});

Deno.test("A change is applied, and one that has to wait says so", async () => {
  await withSettings(async ({ file, settings, backend }) => {
    const changed = await settings.changeMount("photos", { read_only: true }, calm());
    assert.equal(changed.read_only, true);
    assert.equal(backend.startCount, 2);
    backend.mounts.get("photos")!.busy = true;
    const problem = await problemOf(settings.changeMount("photos", { read_only: null }, calm()));
    assert.equal(problem.status, 409);
    assert.match(problem.detail, /file is changed, but not the mount.*in use by less/);
    assert.equal(await Deno.readTextFile(file.path), TEXT);
  });
});

Deno.test("A mount is removed when it is drained, else nothing has changed", async () => {
  await withSettings(async ({ file, settings, backend, states }) => {
    backend.mounts.get("photos")!.busy = true;
    const options = { timeoutMs: 1000, force: false };
    assert.equal((await problemOf(settings.removeMount("photos", options, calm()))).status, 409);
    assert.deepEqual(states(), { photos: "mounted" });
    assert.equal(await Deno.readTextFile(file.path), TEXT);
    const gone = await settings.removeMount("photos", { ...options, force: true }, calm());
    assert.equal(gone.state, "stopped");
    assert.deepEqual(states(), {});
    assert.ok(!(await Deno.readTextFile(file.path)).includes("photos"));
  });
});

Deno.test("A mount that cannot be taken out of the file is mounted again", async () => {
  await withSettings(async ({ file, settings, states }) => {
    file.replace = () => Promise.reject(new Error("Cannot edit: read-only file system"));
    const options = { timeoutMs: 1000, force: false };
    await assert.rejects(settings.removeMount("photos", options, calm()), /read-only/);
    assert.deepEqual(states(), { photos: "mounted" });
  });
});
