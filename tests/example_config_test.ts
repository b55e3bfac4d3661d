/** cloudmount.example.toml is the reference of the config: it must stay whole and right. */
import assert from "node:assert/strict";
import { parse as parseToml } from "smol-toml";
import { ConfigError } from "../src/config/config_error.ts";
import { parseConfig } from "../src/config/parse.ts";
import { fieldsOf, isTable } from "../src/config/read_table.ts";
import { DAEMON_KEYS, type KeyRow, MOUNT_KEYS, type Rows } from "../src/config/schema.ts";
import { type TomlPath, TomlPositions } from "../src/config/toml_positions.ts";
import { runLine, userEnvironment } from "./support/command_line.ts";
import { pathEnvironment } from "./support/path_environment.ts";

const EXAMPLE_FILE = new URL("../cloudmount.example.toml", import.meta.url);
const EXAMPLE = Deno.readTextFileSync(EXAMPLE_FILE);

const ENVIRONMENT = pathEnvironment("/home/ann");

type AnyRow = Omit<KeyRow<unknown>, "kind" | "written">;

function rowsOf<T>(rows: Rows<T>): AnyRow[] {
  return fieldsOf(rows).map((field) => rows[field]);
}

/** The lines from `[daemon]` or `[[mount]]` to the next header. */
function section(header: string): string {
  const start = EXAMPLE.indexOf(`\n${header}\n`);
  assert.ok(start >= 0, `the example has no ${header}`);
  return EXAMPLE.slice(start + header.length + 2).split(/^\[/m)[0]!;
}

Deno.test("The example config parses, with one mount and every default", () => {
  const config = parseConfig(EXAMPLE, "/c.toml", ENVIRONMENT);
  assert.deepEqual(config.daemon, {
    stateDir: "/home/ann/.local/state/cloudmount",
    cacheDir: "/home/ann/.cache/cloudmount",
    socket: "/home/ann/.local/state/cloudmount/control.sock",
    memoryLimitBytes: 512 * 2 ** 20,
    maxConnections: 64,
    logLevel: "info",
  });
  assert.deepEqual(config.mounts, [{
    name: "photos",
    bucket: "my-photos",
    prefix: "",
    mountPoint: "/home/ann/CloudMount/photos",
    credentials: { kind: "chain" },
    readOnly: false,
    autoMount: true,
    enabled: true,
    durability: "journal",
    fsync: "journal",
    metadataTtlMs: 60_000,
    attributes: "fast",
    fileMode: 0o644,
    dirMode: 0o755,
    allowOther: false,
    requesterPays: false,
  }]);
});

Deno.test("The example config with every line uncommented parses too", () => {
  const text = EXAMPLE.replace(/^# ([a-z_]+ = )/gm, "$1");
  const written = parseToml(text);
  const mounts = written["mount"];
  assert.ok(Array.isArray(mounts) && isTable(written["daemon"]) && isTable(mounts[0]));
  assert.deepEqual(
    Object.keys(written["daemon"]).sort(),
    rowsOf(DAEMON_KEYS).map((row) => row.key).sort(),
  );
  assert.deepEqual(
    Object.keys(mounts[0]).sort(),
    rowsOf(MOUNT_KEYS).map((row) => row.key).sort(),
  );
  const [mount] = parseConfig(text, "/c.toml", ENVIRONMENT).mounts;
  assert.equal(mount!.sseKmsKeyId, "alias/photos");
});

for (
  const [header, rows] of [
    ["[daemon]", rowsOf(DAEMON_KEYS)],
    ["[[mount]]", rowsOf(MOUNT_KEYS)],
  ] as const
) {
  Deno.test(`The example config names every key of ${header} with its default`, () => {
    const text = section(header);
    for (const row of rows) {
      const at = text.search(new RegExp(`^(# )?${row.key} = `, "m"));
      assert.ok(at >= 0, `${header} ${row.key} is missing`);
      const line = text.slice(at).split("\n", 1)[0]!;
      if (row.default !== undefined) {
        const literal = JSON.stringify(row.default);
        assert.match(line, new RegExp(`= ${RegExp.escape(literal)}( |$)`), `wants ${literal}`);
        assert.ok(line.startsWith("# "), `a default may be left out: ${line}`);
      } else if (row.otherwise !== undefined) {
        const before = text.slice(0, at).split("\n").slice(-4).join("\n");
        assert.ok(
          `${before}${line}`.includes(`default: ${row.otherwise}`),
          `${header} ${row.key} must say "default: ${row.otherwise}"`,
        );
      } else {
        assert.ok(row.required && !line.startsWith("#"), `${header} ${row.key} has no default`);
      }
    }
  });
}

Deno.test("config init writes the example byte for byte, for its owner only, and once", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/new/deep/c.toml`;
    const environment = userEnvironment("/home/ann", { configFile: file });
    const init = await runLine(["config", "init"], { environment });
    assert.equal(init.code, 0, init.stderr);
    assert.deepEqual(await Deno.readFile(file), await Deno.readFile(EXAMPLE_FILE));
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(`${directory}/new/deep`)).mode! & 0o777, 0o700);
    const check = await runLine(["config", "check"], { environment });
    assert.equal(check.code, 0, check.stderr);

    await Deno.writeTextFile(file, "# mine\n");
    const again = await runLine(["config", "init"], { environment });
    assert.equal(again.code, 1);
    assert.match(again.stderr, /Cannot write .*: it exists/);
    assert.equal(await Deno.readTextFile(file), "# mine\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const MUTATED = EXAMPLE.replace(/^# ([a-z_]+ = )/gm, "$1");

Deno.test("No mutation of the example makes the parser throw anything but a ConfigError", () => {
  const lines = MUTATED.split("\n").length;
  let accepted = 0;
  let refused = 0;
  for (const text of mutations(4000)) {
    try {
      parseConfig(text, "/c.toml", ENVIRONMENT);
      accepted++;
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${error}\n${text}`);
      refused++;
      for (const problem of error.problems) {
        assert.ok(problem.line >= 1 && problem.line <= lines + 20, `${error}\n${text}`);
        assert.ok(problem.column >= 1 && problem.message !== "", `${error}\n${text}`);
      }
    }
  }
  // Both outcomes are common, or the mutations test little.
  assert.ok(accepted > 100 && refused > 1000, `${accepted} accepted, ${refused} refused`);
});

Deno.test("Every key of a mutated example is found where it is written", () => {
  let found = 0;
  for (const text of mutations(1500)) {
    const document = parsedOrNot(text);
    if (document === undefined) continue;
    const lines = text.split("\n");
    const positions = new TomlPositions(text);
    for (const path of keyPaths(document, [])) {
      const { line, column } = positions.find(path);
      const there = [...lines[line - 1]!].slice(column - 1).join("");
      const key = String(path.at(-1));
      const isThere = there.startsWith(key) || /^(["']|\[)/.test(there);
      assert.ok(isThere, `${path.join(" > ")} at ${line}:${column}: ${there}\n${text}`);
      found++;
    }
  }
  assert.ok(found > 5000, `only ${found} keys`);
});

function parsedOrNot(text: string): unknown {
  try {
    return parseToml(text);
  } catch {
    return undefined;
  }
}

/** The path of every key of a document. */
function* keyPaths(value: unknown, path: TomlPath): Generator<TomlPath> {
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) yield* keyPaths(inner, [...path, index]);
  } else if (isTable(value)) {
    for (const [key, inner] of Object.entries(value)) {
      yield [...path, key];
      yield* keyPaths(inner, [...path, key]);
    }
  }
}

/** Mutated examples; the seed is printed, and CLOUDMOUNT_TEST_SEED sets another. */
function* mutations(count: number): Generator<string> {
  const seed = Number(Deno.env.get("CLOUDMOUNT_TEST_SEED") ?? 20260101);
  // deno-lint-ignore no-console -- a failure is repeated with the seed
  console.log(`CLOUDMOUNT_TEST_SEED=${seed}`);
  const random = mulberry32(seed);
  for (let round = 0; round < count; round++) yield mutate(MUTATED, random);
}

const SCRAPS = [
  ..."[]{}=\"'#.,\\\n\t \0\r-+_:ä🪣\u{202e}",
  '"""',
  "'''",
  "[[mount]]\n",
  "[mount]\n",
  "[defaults]\n",
  "__proto__ = 1\n",
  "constructor.x = 1\n",
  "true",
  "inf",
  "1e999",
  "1979-05-27",
  "07:32:00",
  "0x_",
  "[".repeat(2000),
  "a.".repeat(500) + "b = 1\n",
  "\\u0000",
  "\\ud800",
];

/** One to three cuts, copies or insertions at random places. */
function mutate(text: string, random: () => number): string {
  const below = (limit: number) => Math.floor(random() * limit);
  let result = text;
  for (let edits = 1 + below(3); edits > 0; edits--) {
    const at = below(result.length);
    const size = below(random() < 0.5 ? 3 : 60);
    const piece = [
      "",
      SCRAPS[below(SCRAPS.length)]!,
      result.slice(at, at + size).repeat(2),
      String.fromCharCode(below(0x300)),
    ][below(4)]!;
    result = result.slice(0, at) + piece + result.slice(at + size);
  }
  return result;
}

/** A small seeded generator of numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
