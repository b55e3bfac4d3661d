/** The layout of the source tree, held by a test: see ARCHITECTURE.md for the rooms and ranks. */
import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };
import { type Allowed, ONLY_IN_TESTS, WITHOUT_TEST } from "./tidy/allowed.ts";
import * as rules from "./tidy/rules.ts";
import { readFacts } from "./tidy/source_facts.ts";

const ROOT = new URL("../", import.meta.url);

/** Every TypeScript file of main.ts, src/ and tests/. */
function readTree(): rules.Tree {
  const paths: string[] = ["main.ts"];
  const walk = (directory: string): void => {
    for (const entry of Deno.readDirSync(new URL(directory, ROOT))) {
      if (entry.isDirectory) walk(`${directory}${entry.name}/`);
      else if (entry.name.endsWith(".ts")) paths.push(`${directory}${entry.name}`);
    }
  };
  walk("src/");
  walk("tests/");
  return {
    files: paths.sort().map((path) => readFacts(path, Deno.readTextFileSync(new URL(path, ROOT)))),
    packages: Object.keys(manifest.imports),
  };
}

/** Takes allowed offences away, and adds one for each entry that allows nothing. */
function without(offences: readonly string[], allowed: Allowed): string[] {
  const needed = new Set<string>();
  const left = offences.filter((offence) => {
    const path = offence.slice(0, offence.indexOf(":"));
    const entry = Object.keys(allowed).find((name) =>
      name === path || (name.endsWith("/") && path.startsWith(name))
    );
    if (entry !== undefined) needed.add(entry);
    return entry === undefined;
  });
  const stale = Object.keys(allowed).filter((entry) => !needed.has(entry));
  return [...left, ...stale.map((entry) => `${entry}: remove it from tests/tidy/allowed.ts`)];
}

const TREE = readTree();

const CHECKS: readonly (readonly [title: string, check: (tree: rules.Tree) => string[]])[] = [
  ["Imports go down the ranks only", rules.checkRanks],
  ["Files form no cycle", rules.checkCycles],
  ["Private files stay in their folder", rules.checkPrivacy],
  ["Packages are those of deno.json", rules.checkPackages],
  ["Words with one home are used there only", rules.checkWords],
  ["Errors become errnos in one file", rules.checkErrnoChoices],
  ["Files and functions are short", rules.checkSizes],
  ["No file only passes exports on", rules.checkBarrels],
  ["Every source file is imported", (tree) => without(rules.checkUnused(tree), ONLY_IN_TESTS)],
  ["Every source file has a test", (tree) => without(rules.checkTested(tree), WITHOUT_TEST)],
];

for (const [title, check] of CHECKS) {
  Deno.test(title, () => {
    const offences = check(TREE);
    assert.ok(offences.length === 0, `${offences.length} offences:\n${offences.join("\n")}`);
  });
}

/** A tree of made-up files. */
function made(files: Readonly<Record<string, string>>): rules.Tree {
  return {
    files: Object.entries(files).map(([path, text]) => readFacts(path, text)),
    packages: ["hono"],
  };
}

const OFFENCES: readonly {
  readonly title: string;
  readonly check: (tree: rules.Tree) => string[];
  readonly files: Readonly<Record<string, string>>;
  /** "path:line" of each offence. */
  readonly found: readonly string[];
}[] = [
  {
    title: "imports upwards, sideways, of tests and of config",
    check: rules.checkRanks,
    files: {
      "src/s3/a.ts": `\nimport type { B } from "../cache/b.ts";\nexport type A = B;`,
      "src/net/b.ts": `export const c = () => import("../control/c.ts");`,
      "src/vfs/c.ts": `import "../config/types.ts";\nimport "../../tests/fakes/x.ts";`,
      "src/fuse/d.ts": `type T = import("../daemon/x.ts").T;\nexport type { T };`,
      "src/attic/e.ts": ``,
      "src/daemon/fine.ts": `import "../config/types.ts";\nimport "./other.ts";`,
      "src/daemon/fine_test.ts": `import "../cli/run.ts";`,
    },
    found: [
      "src/attic/e.ts:1",
      "src/s3/a.ts:2",
      "src/net/b.ts:1",
      "src/vfs/c.ts:1",
      "src/vfs/c.ts:2",
      "src/fuse/d.ts:1",
    ],
  },
  {
    title: "a cycle of types, and not one of import()",
    check: rules.checkCycles,
    files: {
      "src/s3/a.ts": `import { b } from "./b.ts";\nexport const a = b;`,
      "src/s3/b.ts": `export type { C } from "./c.ts";\nexport const b = 1;`,
      "src/s3/c.ts": `import type { a } from "./a.ts";\nexport type C = typeof a;`,
      "src/cli/d.ts": `import { e } from "./e.ts";\nexport const d = e;`,
      "src/cli/e.ts": `export const e = () => import("./d.ts");`,
    },
    found: ["src/s3/a.ts:1"],
  },
  {
    title: "another folder's private file",
    check: rules.checkPrivacy,
    files: {
      "src/s3/a.ts": `import "./calls/_b.ts";`,
      "src/s3/calls/c.ts": `import "./_b.ts";`,
    },
    found: ["src/s3/a.ts:1"],
  },
  {
    title: "packages that are not pinned",
    check: rules.checkPackages,
    files: {
      "src/s3/a.ts": `import "hono/client";\nimport "node:path";\nimport "npm:left-pad";`,
      "tests/b.ts": `import "jsr:@std/assert";`,
    },
    found: ["src/s3/a.ts:3", "tests/b.ts:1"],
  },
  {
    title: "words away from home, and neither keys, comments, strings nor tests",
    check: rules.checkWords,
    files: {
      "src/s3/a.ts": `Deno.dlopen("x", {});\nconst p: Deno.UnsafePointer = x;\nawait fetch("y");
        const t = Date.now() + performance\n.now();\nconst { a } = Deno.env.toObject();
        const log = console;\nsetTimeout(f, 1);\nlet d = new Date();\nDeno.stderr.writeSync(b);
        run({ fetch });\nconst g = globalThis.fetch;`,
      "src/s3/fine.ts": `// fetch() and Date.now()\nconst s = "Deno.env";\nnew Date(0);
        client.fetch(1);\nconst o = { fetch: 1, console: 2 };\nclass C { fetch() {} }
        function f({ fetch: g }) {}\nDeno.stderr.isTerminal();`,
      "src/s3/a_test.ts": `await fetch("y");`,
      "src/ffi/a.ts": `Deno.dlopen("x", {});`,
      "src/net/a.ts": `await fetch("x");`,
      "src/base/clock.ts": `Date.now();`,
      "main.ts": `Deno.exit(Deno.args.length);`,
    },
    found: [1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11, 12].map((line) => `src/s3/a.ts:${line}`),
  },
  {
    title: "errnos chosen outside their file",
    check: rules.checkErrnoChoices,
    files: {
      "src/vfs/a.ts": `import { NotFoundError } from "../s3/errors.ts";
        export function f(e: unknown) {
          if (e instanceof NotFoundError) throw new FsError("ENOENT");
          if (e instanceof NotFoundError) return undefined;
          return e instanceof TypeError ? "EIO" : "";
        }`,
      "src/vfs/errno_map.ts": `import { NotFoundError } from "../s3/errors.ts";
        export const f = (e: unknown) => e instanceof NotFoundError ? "ENOENT" : "EIO";`,
    },
    found: ["src/vfs/a.ts:3"],
  },
  {
    title: "long files and functions, but not in tests",
    check: rules.checkSizes,
    files: {
      "src/s3/a.ts": "\n".repeat(401),
      "src/s3/b.ts": `class B {\n  c() {${"\n".repeat(70)}  }\n  d() {${"\n".repeat(69)}}\n}\n`,
      "src/s3/a_test.ts": "\n".repeat(500),
    },
    found: ["src/s3/a.ts:1", "src/s3/b.ts:2"],
  },
  {
    title: "barrels",
    check: rules.checkBarrels,
    files: {
      "src/s3/mod.ts": `export * from "./a.ts";\nexport { b } from "./b.ts";`,
      "src/s3/c.ts": `export type { B } from "./b.ts";\nexport const c = 1;`,
    },
    found: ["src/s3/mod.ts:1"],
  },
  {
    title: "files that only tests import, and not workers",
    check: rules.checkUnused,
    files: {
      "main.ts": `import "./src/cli/run.ts";`,
      "src/cli/run.ts": `new Worker(new URL("./worker.ts", import.meta.url), {});`,
      "src/cli/worker.ts": ``,
      "src/cli/lost.ts": ``,
      "src/cli/lost_test.ts": `import "./lost.ts";`,
    },
    found: ["src/cli/lost.ts:1"],
  },
  {
    title: "files without a test, but not types",
    check: rules.checkTested,
    files: {
      "src/s3/types.ts": `import type { X } from "./x.ts";\nexport interface A { x: X }`,
      "src/s3/beside.ts": `export const a = 1;`,
      "src/s3/beside_test.ts": ``,
      "src/s3/used.ts": `export const a = 1;`,
      "tests/fakes/b.ts": `import "../../src/s3/used.ts";`,
      "src/s3/bare.ts": `export const a = 1;`,
      "src/cli/commands/mod.ts":
        `export const a = () => import("./a.ts");\nimport "../../s3/other.ts";`,
      "src/cli/commands/mod_test.ts": ``,
      "src/cli/commands/a.ts": `export const a = 1;`,
      "src/s3/other.ts": `export const b = 1;`,
    },
    found: ["src/s3/bare.ts:1", "src/s3/other.ts:1"],
  },
];

for (const { title, check, files, found } of OFFENCES) {
  Deno.test(`The rules find ${title}`, () => {
    const places = check(made(files)).map((offence) => offence.split(":").slice(0, 2).join(":"));
    assert.deepEqual(places, found);
  });
}

Deno.test("An entry of the allow-list that allows nothing is an offence", () => {
  const offences = ["src/a/x.ts:1: is bad", "src/b.ts:1: is bad", "src/c.ts:1: is bad"];
  const left = without(offences, { "src/a/": "why", "src/b.ts": "why", "src/gone.ts": "why" });
  assert.deepEqual(left, [
    "src/c.ts:1: is bad",
    "src/gone.ts: remove it from tests/tidy/allowed.ts",
  ]);
});
