/** Broken config files: each error has its place, its key and what to do. */
import assert from "node:assert/strict";
import { ConfigError } from "../src/config/config_error.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { PathEnvironment } from "../src/config/paths.ts";
import { pathEnvironment } from "./support/path_environment.ts";

const ENVIRONMENT = pathEnvironment("/home/ann", {
  xdgRuntimeDir: "/run/user/1000",
  workingDirectory: "/work",
});

/** Three lines of a right mount; what a case adds begins in line 5. */
const MOUNT = `[[mount]]
name = "a"
bucket = "bucket-a"
mount_point = "/mnt/a"
`;

/** A second right mount. */
const SECOND = `[[mount]]
name = "b"
bucket = "bucket-b"
mount_point = "/mnt/b"
`;

interface BadConfig {
  readonly title: string;
  readonly toml: string;
  /** Each expected problem: "line:column: key: " and parts of the rest, in order. */
  readonly problems: readonly (readonly [start: string, ...fragments: string[]])[];
  readonly environment?: Partial<PathEnvironment>;
}

const BAD_CONFIGS: readonly BadConfig[] = [
  // Not TOML.
  {
    title: "text without quotes",
    toml: `${MOUNT}region = eu-central-1\n`,
    problems: [["5:10: not valid TOML: ", "text needs quotes"]],
  },
  {
    title: "a string that does not end",
    toml: `[[mount]]\nname = "a\n`,
    problems: [["2:", "not valid TOML"]],
  },
  {
    title: "a header that does not end",
    toml: `[[mount]\nname = "a"\n`,
    problems: [["1:", "not valid TOML"]],
  },
  {
    title: "a key without a value",
    toml: `[daemon]\nlog_level =\n`,
    problems: [["2:", "not valid TOML"]],
  },
  {
    title: "a key written twice",
    toml: `${MOUNT}region = "a"\nregion = "b"\n`,
    problems: [["6:", "not valid TOML"]],
  },
  {
    title: "a section written twice",
    toml: `[daemon]\n[daemon]\n`,
    problems: [["2:", "not valid TOML"]],
  },
  {
    title: "something that is not TOML at all",
    toml: `{"mount": []}`,
    problems: [["1:", "not valid TOML"]],
  },
  {
    title: "a whole number that is too long",
    toml: `[daemon]\nmax_connections = 99999999999999999999\n`,
    problems: [["2:19: not valid TOML"]],
  },
  // Sections and keys.
  {
    title: "an unknown section",
    toml: `[deamon]\n`,
    problems: [["1:1: deamon: unknown section", "did you mean [daemon]?"]],
  },
  {
    title: "a misspelt list of mounts",
    toml: `[[mounts]]\nname = "a"\n`,
    problems: [["1:1: mounts: ", "did you mean [[mount]]?"]],
  },
  {
    title: "a mount as a single table",
    toml: `[mount]\nname = "a"\n`,
    problems: [["1:1: mount: must be a list of tables", "write [[mount]]"]],
  },
  {
    title: "mounts that are not tables",
    toml: `mount = [1, "two"]\n`,
    problems: [
      ["1:10: mount[0]: must be a table, not a number"],
      ["1:13: mount[1]: must be a table, not a string"],
    ],
  },
  {
    title: "a section that is a value",
    toml: `daemon = 1\ndefaults = "x"\n`,
    problems: [
      ["1:1: daemon: must be a table, not a number", "write [daemon]"],
      ["2:1: defaults: must be a table, not a string", "write [defaults]"],
    ],
  },
  {
    title: "an unknown key",
    toml: `${MOUNT}regoin = "x"\n`,
    problems: [["5:1: mount[0].regoin: unknown key", `did you mean "region"?`]],
  },
  {
    title: "an unknown key that resembles none",
    toml: `${MOUNT}  colour = "x"\n`,
    problems: [["5:3: mount[0].colour: unknown key"]],
  },
  {
    title: "an unknown quoted key after characters of two code units",
    toml:
      `mount = [{ "🪣🪣" = 1, name = "a", bucket = "bucket-a", mount_point = "/m", "read only" = 1 }]\n`,
    problems: [
      [`1:12: mount[0]."🪣🪣": unknown key`],
      [`1:75: mount[0]."read only": unknown key`, `did you mean "read_only"?`],
    ],
  },
  {
    title: "a key of [daemon] in a mount",
    toml: `${MOUNT}memory_limit = "1GiB"\n`,
    problems: [["5:1: mount[0].memory_limit: unknown key", "it belongs to [daemon]"]],
  },
  {
    title: "a key of a mount before all sections",
    toml: `region = "x"\n`,
    problems: [["1:1: region: unknown key", "it belongs to [[mount]] or [defaults]"]],
  },
  {
    title: "a dotted key with an unknown end",
    toml: `daemon.log_levle = "info"\n`,
    problems: [["1:8: daemon.log_levle: unknown key", `did you mean "log_level"?`]],
  },
  {
    title: "a bucket for all mounts",
    toml: `[defaults]\nbucket = "b"\nmount_point = "/x"\n`,
    problems: [
      ["2:1: defaults.bucket: cannot have a default", "each [[mount]]"],
      ["3:1: defaults.mount_point: cannot have a default"],
    ],
  },
  {
    title: "missing keys",
    toml: `# nothing\n\n[[mount]]\nprefix = ""\n`,
    problems: [
      ["3:1: mount[0]: needs name"],
      ["3:1: mount[0]: needs bucket"],
      ["3:1: mount[0]: needs mount_point"],
    ],
  },
  {
    title: "a wrong default, told once",
    toml: `[defaults]\nread_only = "yes"\n${MOUNT}${SECOND}`,
    problems: [["2:1: defaults.read_only: must be true or false, not a string", "no quotes"]],
  },
  // Later releases.
  {
    title: "keys of later releases in a mount",
    toml: `${MOUNT}hide = [".DS_Store"]\n`,
    problems: [["5:1: mount[0].hide: not supported yet", "remove it"]],
  },
  {
    title: "a cache of no size, or in a mount",
    toml: `[daemon]\ncache_dir = "/mnt/a/cache"\ncache_size = "20GX"\n` +
      `[[mount]]\nname = "a"\nbucket = "bucket-a"\nmount_point = "/mnt/a"\ncache_size = 5\n`,
    problems: [
      [`3:1: daemon.cache_size: "20GX" is not a size`],
      [`7:1: mount[0].mount_point: the cache directory "/mnt/a/cache" would lie inside the mount`],
      ["8:1: mount[0].cache_size: must be a size, not a number"],
    ],
  },
  {
    title: "durabilities that nobody has",
    toml: `${MOUNT}durability = "jurnal"\nfsync = true\n`,
    problems: [
      [
        `5:1: mount[0].durability: "jurnal" is not one of "journal", "remote"`,
        `did you mean "journal"?`,
      ],
      [`6:1: mount[0].fsync: must be one of "journal", "remote", not true or false`],
    ],
  },
  {
    title: "a misspelt keychain",
    toml: `[defaults]\ncredentials = "keychian"\n`,
    problems: [[`2:1: defaults.credentials: must be "chain", "keychain"`, `"keychain"`]],
  },
  {
    title: "the dashboard, which comes later",
    toml: `[dashboard]\nenabled = true\n`,
    problems: [["1:1: dashboard: not supported yet", "cloudmount status"]],
  },
  // Types and ranges.
  {
    title: "sizes that are none",
    toml: `[daemon]\nmemory_limit = 512\n`,
    problems: [["2:1: daemon.memory_limit: must be a size, not a number", `like "512MiB"`]],
  },
  {
    title: "a size of an unknown unit",
    toml: `[daemon]\nmemory_limit = "512 megs"\n`,
    problems: [[`2:1: daemon.memory_limit: "512 megs" is not a size`, "KiB"]],
  },
  {
    title: "too little memory",
    toml: `[daemon]\nmemory_limit = "1MiB"\n`,
    problems: [["2:1: daemon.memory_limit: must be from 64 MiB to 1 TiB"]],
  },
  {
    title: "more memory than a machine has",
    toml: `[daemon]\nmemory_limit = "4000TiB"\n`,
    problems: [["2:1: daemon.memory_limit: must be from 64 MiB to 1 TiB"]],
  },
  {
    title: "numbers of connections",
    toml: `[daemon]\nmax_connections = 0\n`,
    problems: [["2:1: daemon.max_connections: must be from 2 to 1024, not 0"]],
  },
  {
    title: "half a connection",
    toml: `[daemon]\nmax_connections = 2.5\n`,
    problems: [["2:1: daemon.max_connections: must be a whole number, not 2.5"]],
  },
  {
    title: "rates that are none, or too low to work with",
    toml: `[daemon]\nupload_limit = "10MiB"\ndownload_limit = "1KiB/s"\n`,
    problems: [
      ['2:1: daemon.upload_limit: "10MiB" is not a rate', '"10MiB/s"'],
      ['3:1: daemon.download_limit: must be from 16 KiB/s to 1 TiB/s, not "1KiB/s"'],
    ],
  },
  {
    title: "a rate as a number",
    toml: `[daemon]\nupload_limit = 1000000\n`,
    problems: [["2:1: daemon.upload_limit: must be a rate, not a number", '"10MiB/s"']],
  },
  {
    title: "an unknown log level",
    toml: `[daemon]\nlog_level = "warn"\n`,
    problems: [[`2:1: daemon.log_level: "warn" is not one of "debug", "info"`]],
  },
  {
    title: "a log level in capitals",
    toml: `[daemon]\nlog_level = "INFO"\n`,
    problems: [[`2:1: daemon.log_level: "INFO" is not one of`, `did you mean "info"?`]],
  },
  {
    title: "a duration without a unit",
    toml: `${MOUNT}metadata_ttl = "60"\n`,
    problems: [[`5:1: mount[0].metadata_ttl: "60" is not a duration`, `like "60s"`]],
  },
  {
    title: "a duration as a number",
    toml: `${MOUNT}metadata_ttl = 60\n`,
    problems: [["5:1: mount[0].metadata_ttl: must be a duration, not a number", `like "60s"`]],
  },
  {
    title: "a duration of centuries",
    toml: `${MOUNT}metadata_ttl = "99999d"\n`,
    problems: [["5:1: mount[0].metadata_ttl: must be at most 365d"]],
  },
  {
    title: "a mode as a number",
    toml: `${MOUNT}file_mode = 0o644\n`,
    problems: [["5:1: mount[0].file_mode: must be a string of octal digits", `like "0644"`]],
  },
  {
    title: "a mode that is not octal",
    toml: `${MOUNT}dir_mode = "0789"\n`,
    problems: [[`5:1: mount[0].dir_mode: "0789" is not a mode`]],
  },
  {
    title: "true in quotes",
    toml: `${MOUNT}enabled = "true"\n`,
    problems: [["5:1: mount[0].enabled: must be true or false, not a string", "no quotes"]],
  },
  {
    title: "a user id below zero",
    toml: `${MOUNT}uid = -1\n`,
    problems: [["5:1: mount[0].uid: must be from 0 to 4294967294, not -1"]],
  },
  {
    title: "a date where a name should be",
    toml: `[[mount]]\nname = 2026-01-01\nbucket = "bucket-a"\nmount_point = "/mnt/a"\n`,
    problems: [["2:1: mount[0].name: must be a string, not a date"]],
  },
  {
    title: "a list where a region should be",
    toml: `${MOUNT}region = ["eu-central-1"]\n`,
    problems: [["5:1: mount[0].region: must be a string, not a list"]],
  },
  {
    title: "control characters",
    toml: `${MOUNT}profile = "a\\u001b[31m"\n`,
    problems: [["5:1: mount[0].profile: must not contain control characters"]],
  },
  // Names and places.
  {
    title: "an empty name",
    toml: MOUNT.replace(`"a"`, `""`),
    problems: [["2:1: mount[0].name: must not be empty"]],
  },
  {
    title: "a name that looks like an option",
    toml: MOUNT.replace(`"a"`, `"--all"`),
    problems: [[`2:1: mount[0].name: "--all" is not a mount name`, "the first a letter or digit"]],
  },
  {
    title: "the same name twice",
    toml: MOUNT + SECOND.replace(`"b"`, `"a"`),
    problems: [[`6:1: mount[1].name: "a" is already the name of another mount`]],
  },
  {
    title: "a bucket in capitals at Amazon",
    toml: MOUNT.replace("bucket-a", "Bucket"),
    problems: [[`3:1: mount[0].bucket: "Bucket" has uppercase letters`, "endpoint"]],
  },
  {
    title: "a bucket that looks like an address",
    toml: MOUNT.replace("bucket-a", "192.168.5.4"),
    problems: [[`3:1: mount[0].bucket: "192.168.5.4" looks like an IP address`]],
  },
  {
    title: "a bucket with a path",
    toml: MOUNT.replace("bucket-a", "bucket/folder"),
    problems: [["3:1: mount[0].bucket: ", "put the path into prefix"]],
  },
  {
    title: "a bucket as a URL",
    toml: MOUNT.replace("bucket-a", "s3://bucket-a"),
    problems: [["3:1: mount[0].bucket: must be the bucket's name, not a URL", "prefix"]],
  },
  {
    title: "a bucket with a space, at any service",
    toml: `${MOUNT.replace("bucket-a", "my bucket")}endpoint = "http://127.0.0.1:9000"\n`,
    problems: [[`3:1: mount[0].bucket: "my bucket" is not a bucket name`]],
  },
  {
    title: "a prefix with a leading slash",
    toml: `${MOUNT}prefix = "/photos/"\n`,
    problems: [[`5:1: mount[0].prefix: must not begin with "/"`, `write "photos/"`]],
  },
  {
    title: "a prefix with a doubled slash",
    toml: `${MOUNT}prefix = "a//b/"\n`,
    problems: [[`5:1: mount[0].prefix: "a//b/" has a part that cannot be a folder`]],
  },
  {
    title: "a prefix that climbs",
    toml: `${MOUNT}prefix = "a/../b/"\n`,
    problems: [["5:1: mount[0].prefix: ", "cannot be a folder"]],
  },
  {
    title: "a prefix that is longer than a key",
    toml: `${MOUNT}prefix = "${"ä".repeat(600)}/"\n`,
    problems: [["5:1: mount[0].prefix: must be at most 1000 bytes"]],
  },
  {
    title: "a relative mount point",
    toml: MOUNT.replace("/mnt/a", "mnt/a"),
    problems: [[`4:1: mount[0].mount_point: "mnt/a" is not an absolute path`, `"~/"`]],
  },
  {
    title: "somebody else's home",
    toml: MOUNT.replace("/mnt/a", "~bob/a"),
    problems: [["4:1: mount[0].mount_point: ", "is not an absolute path"]],
  },
  {
    title: "the root as a mount point",
    toml: MOUNT.replace("/mnt/a", "/mnt/.."),
    problems: [[`4:1: mount[0].mount_point: must not be "/"`]],
  },
  {
    title: "the home directory as a mount point",
    toml: MOUNT.replace("/mnt/a", "~"),
    problems: [["4:1: mount[0].mount_point: must not be your home directory"]],
  },
  {
    title: "a home that nobody knows",
    toml: MOUNT.replace("/mnt/a", "~/a"),
    environment: { home: undefined, xdgStateHome: "/state" },
    problems: [[`4:1: mount[0].mount_point: cannot expand "~": HOME is not set`]],
  },
  {
    title: "no place for state",
    toml: MOUNT,
    environment: { home: undefined },
    problems: [["1:1: daemon.state_dir: has no default: HOME is not set", "set state_dir"]],
  },
  {
    title: "mount points that coincide",
    toml: MOUNT + SECOND.replace("/mnt/b", "/mnt/./x/../a/"),
    problems: [[`8:1: mount[1].mount_point: "/mnt/a" is already used by mount "a"`]],
  },
  {
    title: "a mount point inside another",
    toml: MOUNT + SECOND.replace("/mnt/b", "/mnt/a/b"),
    problems: [[`8:1: mount[1].mount_point: "/mnt/a/b" lies inside "/mnt/a" of mount "a"`]],
  },
  {
    title: "a mount point around another",
    toml: MOUNT + SECOND.replace("/mnt/b", "/mnt"),
    problems: [[`8:1: mount[1].mount_point: "/mnt" would cover "/mnt/a" of mount "a"`]],
  },
  {
    title: "the state directory inside a mount",
    toml: `[daemon]\nstate_dir = "/mnt/a/state"\n${MOUNT}`,
    problems: [["6:1: mount[0].mount_point: the state directory", "inside the mount"]],
  },
  {
    title: "the socket inside a mount",
    toml: `[daemon]\nsocket = "/mnt/a/socket"\n${MOUNT}`,
    problems: [["6:1: mount[0].mount_point: the control socket", "inside the mount"]],
  },
  {
    title: "a socket path that is too long",
    toml: `[daemon]\nsocket = "/${"s".repeat(120)}"\n`,
    problems: [["2:1: daemon.socket: has a path of 121 bytes, 107 are possible", "shorter"]],
  },
  {
    title: "the same keys writable twice",
    toml: MOUNT + SECOND.replace("bucket-b", "bucket-a"),
    problems: [["7:1: mount[1].bucket: ", `is mounted writable by mount "a" too`, "read_only"]],
  },
  {
    title: "overlapping prefixes writable twice",
    toml: `${MOUNT}prefix = "x"\n${SECOND.replace("bucket-b", "bucket-a")}prefix = "x/y/"\n`,
    problems: [[`8:1: mount[1].bucket: "bucket-a/x/y/" is mounted writable by mount "a" too`]],
  },
  // Endpoints and credentials.
  {
    title: "an endpoint without a scheme",
    toml: `${MOUNT}endpoint = "s3.example.com"\n`,
    problems: [["5:1: mount[0].endpoint: must begin with https:// or http://", "like"]],
  },
  {
    title: "an endpoint with a path",
    toml: `${MOUNT}endpoint = "https://s3.example.com/bucket-a"\n`,
    problems: [[
      "5:1: mount[0].endpoint: must not have a path or query",
      `write "https://s3.example.com"`,
    ]],
  },
  {
    title: "an endpoint with a query",
    toml: `${MOUNT}endpoint = "https://s3.example.com?x=1"\n`,
    problems: [["5:1: mount[0].endpoint: must not have a path or query"]],
  },
  {
    title: "an endpoint with a password",
    toml: `${MOUNT}endpoint = "https://me:hush@s3.example.com"\n`,
    problems: [["5:1: mount[0].endpoint: must not contain a user or password", "profile"]],
  },
  {
    title: "an endpoint with an impossible port",
    toml: `${MOUNT}endpoint = "http://127.0.0.1:99999"\n`,
    problems: [["5:1: mount[0].endpoint: is not a URL"]],
  },
  {
    title: "a region that is none",
    toml: `${MOUNT}region = "eu central"\n`,
    problems: [[`5:1: mount[0].region: "eu central" is not a region`, "eu-central-1"]],
  },
  {
    title: "an unknown kind of credentials",
    toml: `${MOUNT}credentials = "anonymus"\n`,
    problems: [["5:1: mount[0].credentials: must be ", `did you mean "anonymous"?`]],
  },
  {
    title: "credentials without their second half",
    toml: `${MOUNT}credentials = { access_key_id_env = "ID" }\n`,
    problems: [["5:1: mount[0].credentials: needs secret_access_key_env"]],
  },
  {
    title: "credentials with a misspelt and a wrong key",
    toml:
      `${MOUNT}[mount.credentials]\naccess_key_id_env = "MY ID"\nsecret_acces_key_env = "KEY"\n`,
    problems: [
      ["5:1: mount[0].credentials: needs secret_access_key_env"],
      ["6:1: mount[0].credentials.access_key_id_env: is not the name of an environment variable"],
      [
        "7:1: mount[0].credentials.secret_acces_key_env: unknown key",
        `did you mean "secret_access_key_env"?`,
      ],
    ],
  },
  {
    title: "a profile beside credentials that do not use it",
    toml: `${MOUNT}profile = "work"\ncredentials = "anonymous"\n`,
    problems: [["5:1: mount[0].profile: has no meaning with these credentials", "chain"]],
  },
  {
    title: "a KMS key without KMS",
    toml: `${MOUNT}sse = "AES256"\nsse_kms_key_id = "alias/x"\n`,
    problems: [[`6:1: mount[0].sse_kms_key_id: needs sse = "aws:kms"`]],
  },
  {
    title: "an unknown ACL",
    toml: `${MOUNT}acl = "publc-read"\n`,
    problems: [["5:1: mount[0].acl: ", `did you mean "public-read"?`]],
  },
  {
    title: "a content type that is none",
    toml: `${MOUNT}content_type = "jpeg"\n`,
    problems: [[`5:1: mount[0].content_type: "jpeg" is not a content type`, "text/plain"]],
  },
  {
    title: "everything at once, in the order of the file",
    toml: `[daemon]\nlog_level = 1\n[[mount]]\nname = 2\nbucket = 3\nmount_point = 4\n`,
    problems: [
      ["2:1: daemon.log_level: "],
      ["4:1: mount[0].name: "],
      ["5:1: mount[0].bucket: "],
      ["6:1: mount[0].mount_point: "],
    ],
  },
];

/** Made up: what must neither be accepted nor repeated. */
const KEY_ID = `AKIA${"Q".repeat(16)}`;
const KEY = "wJalrXUtnFEMI/K7MDENGbPxRfiCYZZZZZZZZZ42";

const SECRETS: readonly { readonly title: string; readonly toml: string; readonly at: string }[] = [
  { title: "keys of a mount", toml: `${MOUNT}access_key_id = "${KEY_ID}"\n`, at: "5:1: " },
  { title: "a secret key", toml: `${MOUNT}secret_access_key = "${KEY}"\n`, at: "5:1: " },
  { title: "keys by their AWS name", toml: `[defaults]\naws_secret_access_key = "x"`, at: "2:1: " },
  {
    title: "keys in credentials",
    toml: `${MOUNT}credentials = { secret_key = "x" }`,
    at: "5:17: ",
  },
  { title: "a password", toml: `password = "${KEY}"\n`, at: "1:1: " },
  {
    title: "a key in place of a variable's name",
    toml: `${MOUNT}credentials = { access_key_id_env = "${KEY_ID}", secret_access_key_env = "B" }`,
    at: "5:17: ",
  },
  { title: "a key id within a value", toml: `${MOUNT}profile = "id ${KEY_ID}"`, at: "5:1: " },
  { title: "a secret key under any key", toml: `[daemon]\nlog_level = "${KEY}"`, at: "2:1: " },
];

for (const bad of BAD_CONFIGS) {
  Deno.test(`A config with ${bad.title} is refused with its place and the advice`, () => {
    const lines = problemLines(bad.toml, { ...ENVIRONMENT, ...bad.environment });
    assert.equal(lines.length, bad.problems.length, lines.join("\n"));
    bad.problems.forEach(([start, ...fragments], index) => {
      const line = lines[index]!;
      assert.ok(line.startsWith(`/c.toml:${start}`), `${line}\ndoes not begin with ${start}`);
      for (const fragment of fragments) {
        assert.ok(line.includes(fragment), `${line}\ndoes not say ${fragment}`);
      }
    });
  });
}

for (const secret of SECRETS) {
  Deno.test(`A config with ${secret.title} is refused without repeating the secret`, () => {
    const lines = problemLines(secret.toml, ENVIRONMENT);
    const told = lines.filter((line) => line.includes("looks like a secret"));
    assert.equal(told.length, 1, lines.join("\n"));
    assert.ok(told[0]!.startsWith(`/c.toml:${secret.at}`), told[0]);
    assert.ok(told[0]!.includes("~/.aws/credentials"), told[0]);
    assert.ok(!lines.join("\n").includes(KEY_ID) && !lines.join("\n").includes(KEY));
  });
}

Deno.test("A line that is not TOML is not repeated, as it may hold a secret", () => {
  const [line] = problemLines(`secret = ${KEY}\n`, ENVIRONMENT);
  assert.ok(!line!.includes(KEY.slice(0, 8)), line);
});

Deno.test("More mounts than can be compared are refused", () => {
  const lines = problemLines("[[mount]]\n".repeat(257), ENVIRONMENT);
  assert.deepEqual(lines, ["/c.toml:1:1: mount: there are 257 mounts, 256 are possible"]);
});

function problemLines(toml: string, environment: PathEnvironment): string[] {
  try {
    parseConfig(toml, "/c.toml", environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `not a ConfigError: ${error}`);
    return error.message.split("\n");
  }
  assert.fail("the config was accepted");
}
