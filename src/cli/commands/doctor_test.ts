import assert from "node:assert/strict";
import { runLine, userEnvironment } from "../../../tests/support/command_line.ts";
import { startServer } from "../../../tests/support/mount_servers.ts";
import type { Finding } from "../doctor/finding.ts";
import { PLAIN } from "../style.ts";
import { findingsText } from "./doctor.ts";

interface Report {
  readonly code: number;
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

/** `doctor --json` of a user whose home is `home`. */
async function doctor(
  home: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Report> {
  const environment = userEnvironment(home, {
    variable: (name) => name === "PATH" ? Deno.env.get("PATH") : variables[name],
  });
  const { code, stdout } = await runLine(["doctor", "--json"], { environment });
  return { code, ...JSON.parse(stdout) as Omit<Report, "code"> };
}

Deno.test("doctor finds a bucket in order, one that is missing, and leaves nothing behind", async () => {
  await using server = await startServer("counted");
  await server.createBucket("good");
  const home = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${home}/.config`);
    const { accessKeyId, secretAccessKey, url } = server;
    const mounts = ["good", "missing"].map((bucket) =>
      `[[mount]]\nname = "${bucket}"\nbucket = "${bucket}"\nmount_point = "~/mnt/${bucket}"\n` +
      `endpoint = "${url}"\nregion = "us-east-1"\npath_style = true\n` +
      `credentials = { access_key_id_env = "TEST_ID", secret_access_key_env = "TEST_SECRET" }\n`
    );
    await Deno.writeTextFile(`${home}/.config/cloudmount.toml`, mounts.join("\n"));
    const { code, healthy, findings } = await doctor(home, {
      TEST_ID: accessKeyId,
      TEST_SECRET: secretAccessKey,
    });
    assert.deepEqual([code, healthy], [5, false]);
    const about = (mount: string) =>
      findings.filter((finding) => finding.mount === mount)
        .map(({ check, status }) => `${check}: ${status}`);
    assert.deepEqual(about("good"), [
      "mount_point: ok",
      "credentials: ok",
      "bucket: ok",
      "bucket.region: ok",
      "bucket.write: ok",
      "bucket.clock: ok",
      "bucket.conditions: ok",
      "bucket.order: ok",
      "bucket.copy: ok",
      "bucket.delete: ok",
      "bucket.uploads: ok",
    ]);
    assert.deepEqual(about("missing"), ["mount_point: ok", "credentials: ok", "bucket: error"]);
    for (const { status, why, fix } of findings) {
      assert.equal(status === "ok", why === "");
      assert.equal(status === "ok", fix === "");
    }
    assert.deepEqual([...Deno.readDirSync(home)].map(({ name }) => name), [".config"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("doctor shows each error of the config, and looks at the machine all the same", async () => {
  const home = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${home}/.config`);
    await Deno.writeTextFile(`${home}/.config/cloudmount.toml`, `[[mount]]\nnam = "x"\n`);
    const { code, findings } = await doctor(home);
    assert.equal(code, 5);
    const wrong = findings.filter(({ check }) => check === "config");
    assert.ok(wrong.length > 1);
    assert.match(wrong[0]!.message, /cloudmount\.toml:\d+:\d+: /);
    assert.ok(findings.some(({ check }) => check === "fuse"));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("doctor's text has a line for what is well, and three for what is not", () => {
  const base = { check: "fuse", mount: null, why: "", fix: "" };
  const text = findingsText([
    { ...base, status: "ok", message: "is there" },
    { ...base, mount: "photos", status: "error", message: "gone", why: "Bad", fix: "mend it" },
  ], PLAIN);
  assert.equal(
    text,
    "ok       fuse  is there\nERROR    photos: fuse  gone\n         why: Bad\n         fix: mend it\n\n" +
      "1 error, 0 warnings",
  );
  assert.match(findingsText([{ ...base, status: "ok", message: "x" }], PLAIN), /\nAll is well$/);
});
