import assert from "node:assert/strict";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import { parseConfig, salvageConfig } from "./parse.ts";

const ENVIRONMENT = pathEnvironment("/home/ann", { xdgRuntimeDir: "/run/user/1" });

const MOUNT = `[[mount]]\nname = "a"\nbucket = "bucket-a"\nmount_point = "~/a"\n`;

const parse = (text: string) => parseConfig(text, "/c.toml", ENVIRONMENT);

Deno.test("An empty file is a config without mounts", () => {
  assert.deepEqual(parse(""), {
    path: "/c.toml",
    daemon: {
      stateDir: "/home/ann/.local/state/cloudmount",
      cacheDir: "/home/ann/.cache/cloudmount",
      socket: "/run/user/1/cloudmount/control.sock",
      memoryLimitBytes: 512 * 2 ** 20,
      maxConnections: 64,
      logLevel: "info",
    },
    mounts: [],
  });
});

Deno.test("Defaults hold for every mount that does not say otherwise", () => {
  const text = `[defaults]\nregion = "eu"\nread_only = true\nmetadata_ttl = "5m"\n${MOUNT}
    [[mount]]\nname = "b"\nbucket = "bucket-b"\nmount_point = "/b"\nread_only = false\nregion = "us"\n`;
  const [a, b] = parse(text).mounts;
  assert.deepEqual([a!.region, a!.readOnly, a!.metadataTtlMs], ["eu", true, 300_000]);
  assert.deepEqual([b!.region, b!.readOnly, b!.metadataTtlMs], ["us", false, 300_000]);
});

Deno.test("Defaults may stand after the mounts, and in dotted or inline form", () => {
  assert.equal(parse(`${MOUNT}[defaults]\nuid = 7\n`).mounts[0]!.uid, 7);
  assert.equal(parse(`defaults.uid = 8\n${MOUNT}`).mounts[0]!.uid, 8);
  const inline = `mount = [{ name = "a", bucket = "bucket-a", mount_point = "/a", gid = 9 }]`;
  assert.equal(parse(inline).mounts[0]!.gid, 9);
});

Deno.test("Every key arrives in its field", () => {
  const [mount] = parse(`${MOUNT}prefix = "p"
    endpoint = "http://127.0.0.1:9000/"\nregion = "auto"\nprofile = "work"\npath_style = true
    credentials = "chain"\nread_only = true\nauto_mount = false\nenabled = false
    durability = "remote"\nfsync = "journal"\nmetadata_ttl = "0s"\nattributes = "full"
    file_mode = "0600"\ndir_mode = "0700"\nuid = 1\ngid = 2\nallow_other = true
    storage_class = "STANDARD_IA"\nsse = "aws:kms"\nsse_kms_key_id = "k"\nrequester_pays = true
    acl = "private"\ncontent_type = "text/plain; charset=utf-8"`).mounts;
  assert.deepEqual(mount, {
    name: "a",
    bucket: "bucket-a",
    prefix: "p/",
    mountPoint: "/home/ann/a",
    endpoint: "http://127.0.0.1:9000",
    region: "auto",
    profile: "work",
    pathStyle: true,
    credentials: { kind: "chain" },
    readOnly: true,
    autoMount: false,
    enabled: false,
    durability: "remote",
    fsync: "journal",
    metadataTtlMs: 0,
    attributes: "full",
    fileMode: 0o600,
    dirMode: 0o700,
    uid: 1,
    gid: 2,
    allowOther: true,
    storageClass: "STANDARD_IA",
    sse: "aws:kms",
    sseKmsKeyId: "k",
    requesterPays: true,
    acl: "private",
    contentType: "text/plain; charset=utf-8",
  });
});

Deno.test("The daemon's paths may be set, and its socket then follows no runtime directory", () => {
  const { daemon } = parse(`[daemon]\nstate_dir = "~/s"\nsocket = "/tmp/x.sock"\n`);
  assert.deepEqual([daemon.stateDir, daemon.socket], ["/home/ann/s", "/tmp/x.sock"]);
});

Deno.test("Keys named like parts of JavaScript objects are unknown keys", () => {
  for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    assert.throws(() => parse(`[daemon]\n${key} = 1\n`), /unknown key/, key);
    assert.throws(() => parse(`${key} = 1\n`), /unknown key/, key);
    assert.throws(() => parse(`${MOUNT}${key} = 1\n`), /unknown key/, key);
  }
});

Deno.test("A text with errors still tells where its daemon listens", () => {
  const socketOf = (text: string) => salvageConfig(text, "/c.toml", ENVIRONMENT)?.daemon.socket;
  assert.equal(socketOf('[daemon]\nsocket = "/s"\nsokcet = 1\n'), "/s");
  assert.equal(socketOf('[daemon]\nsocket = "/s"\n\n[[mount]\nname = photos\n'), "/s");
  assert.equal(socketOf("[daemon\n"), "/run/user/1/cloudmount/control.sock");
  assert.equal(socketOf("[daemon]\nsocket = 7\n"), undefined);
});
