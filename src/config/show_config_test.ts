import assert from "node:assert/strict";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import { parseConfig } from "./parse.ts";
import { formatConfig, writtenConfig } from "./show_config.ts";

const ENVIRONMENT = pathEnvironment("/home/ann");

const CONFIG = parseConfig(
  `[daemon]
memory_limit = "1.5GiB"
upload_limit = "10MiB/s"
[[mount]]
name = "a"
bucket = "bucket-a"
mount_point = "~/a \\"b\\" \\\\"
durability = "remote"
metadata_ttl = "2500ms"
file_mode = "600"
uid = 0
credentials = { access_key_id_env = "MY_ID", secret_access_key_env = "MY_KEY" }
`,
  "/c.toml",
  ENVIRONMENT,
);

Deno.test("The shown config reads back as the same config", () => {
  assert.deepEqual(parseConfig(formatConfig(CONFIG), "/c.toml", ENVIRONMENT), CONFIG);
});

Deno.test("The shown config says what holds where nothing is set", () => {
  const text = formatConfig(CONFIG);
  assert.match(text, /^# \/c\.toml\n\[daemon\]\n/);
  assert.match(text, /^# endpoint: Amazon S3$/m);
  assert.match(text, /^memory_limit = "1536MiB"$/m);
});

Deno.test("For programs every key is there, null where nothing is set", () => {
  const { daemon, mount: [mount] } = writtenConfig(CONFIG);
  assert.equal(daemon["memory_limit"], "1536MiB");
  assert.equal(Object.keys(mount!).length, 28);
  assert.deepEqual(
    [mount!["endpoint"], mount!["uid"], mount!["gid"], mount!["read_only"]],
    [null, 0, null, false],
  );
  assert.deepEqual([mount!["durability"], mount!["fsync"]], ["remote", "journal"]);
  assert.deepEqual([mount!["metadata_ttl"], mount!["file_mode"]], ["2500ms", "0600"]);
  assert.deepEqual(mount!["credentials"], {
    access_key_id_env: "MY_ID",
    secret_access_key_env: "MY_KEY",
  });
});
