/** The rules of the tree. Each gives its offences as "path:line: what is wrong". */
import { posix } from "node:path";
import type { SourceFacts } from "./source_facts.ts";

/** Rooms of src/ and their ranks: bytes flow down, imports too. */
export const RANKS: Readonly<Record<string, number>> = {
  base: 0,
  ffi: 1,
  net: 1,
  config: 1,
  control: 1,
  journal: 1,
  system: 1,
  agent: 2,
  keychain: 2,
  s3: 2,
  serve_s3: 2,
  cache: 3,
  listings: 3,
  content: 4,
  vfs: 5,
  fuse: 6,
  wiring: 7,
  daemon: 8,
  cli: 9,
};

/** The rooms that may know the config file; others take options of their own. */
const CONFIG_READERS = ["config", "wiring", "daemon", "cli"];

/** What may be used in one place only, and why. `home` matches paths. */
const HOMES: readonly { readonly word: RegExp; readonly home: RegExp; readonly why: string }[] = [
  {
    word: /^Deno\.(dlopen|Unsafe\w+)$/,
    home: /^src\/ffi\//,
    why: "native calls belong to src/ffi",
  },
  {
    word: /^((globalThis\.)?fetch|Deno\.createHttpClient)$/,
    home: /^src\/(net\/|control\/client\.ts$)/,
    why: "HTTP requests belong to src/net, and src/control/client.ts",
  },
  {
    word:
      /^((globalThis\.)?(setTimeout|setInterval)|Date\.now|performance\.now|new Date\(\)|Temporal\.Now\.\w+)$/,
    home: /^src\/base\/clock\.ts$/,
    why: "time comes from a Clock (src/base/clock.ts)",
  },
  {
    word: /^(Deno\.(env|exit|args)|process\.(env|exit|argv))$/,
    home: /^(main\.ts$|src\/cli\/)/,
    why: "environment and exit belong to main.ts and src/cli; hand values down",
  },
  {
    word: /^(console|Deno\.(stdout|stderr)\.(write\w*|writable))$/,
    home: /^src\/cli\/output\.ts$/,
    why: "the terminal belongs to src/cli/output.ts",
  },
];

const ERRNO_HOME = "src/vfs/errno_map.ts";
const STORE_ERRORS = "src/s3/errors.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** The tree as the rules see it. */
export interface Tree {
  /** Every TypeScript file, tests too. */
  readonly files: readonly SourceFacts[];
  /** The keys of `imports` in deno.json. */
  readonly packages: readonly string[];
}

export function isTest(path: string): boolean {
  return path.startsWith("tests/") || path.endsWith("_test.ts");
}

function sources(tree: Tree): SourceFacts[] {
  return tree.files.filter((file) => !isTest(file.path));
}

/** "src/s3/client.ts" is in room "s3"; main.ts in none. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** The path that a relative specifier means; undefined for packages. */
function resolve(from: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : undefined;
}

/** Every import of a source file that names another file. */
function* fileImports(tree: Tree) {
  for (const { path, imports } of sources(tree)) {
    for (const fact of imports) {
      const target = resolve(path, fact.specifier);
      if (target !== undefined) yield { path, target, ...fact };
    }
  }
}

/** Imports go to lower ranks, to the own room, and not to tests. */
export function checkRanks(tree: Tree): string[] {
  const offences: string[] = [];
  for (const { path } of sources(tree)) {
    const room = roomOf(path);
    if (path !== "main.ts" && (room === undefined || RANKS[room] === undefined)) {
      offences.push(`${path}:1: is in no room; see RANKS`);
    }
  }
  for (const { path, target, line } of fileImports(tree)) {
    const from = roomOf(path);
    const to = roomOf(target);
    const rank = from === undefined ? Infinity : RANKS[from] ?? -1;
    if (isTest(target)) offences.push(`${path}:${line}: imports the test file ${target}`);
    else if (to === undefined) {
      // deno.json gives the version; templates are text.
      if (target.endsWith(".ts")) offences.push(`${path}:${line}: imports ${target}`);
    } else if (to !== from && !((RANKS[to] ?? Infinity) < rank)) {
      offences.push(`${path}:${line}: ${from} (rank ${rank}) imports ${to} (rank ${RANKS[to]})`);
    } else if (to === "config" && from !== undefined && !CONFIG_READERS.includes(from)) {
      offences.push(`${path}:${line}: only ${CONFIG_READERS.join(", ")} import config`);
    }
  }
  return offences;
}

/** `_x.ts` is for its folder. */
export function checkPrivacy(tree: Tree): string[] {
  const offences: string[] = [];
  for (const { path, target, line } of fileImports(tree)) {
    const isPrivate = posix.basename(target).startsWith("_");
    if (isPrivate && posix.dirname(target) !== posix.dirname(path)) {
      offences.push(`${path}:${line}: ${target} is private to its folder`);
    }
  }
  return offences;
}

/** No file imports itself by a way round; types count, `import()` does not. */
export function checkCycles(tree: Tree): string[] {
  const edges = new Map<string, string[]>(sources(tree).map(({ path }) => [path, []]));
  for (const { path, target, isLater } of fileImports(tree)) {
    if (!isLater && edges.has(target)) edges.get(path)!.push(target);
  }
  const offences: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      offences.push(`${path}:1: cycle: ${[...trail.slice(at), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return offences;
}

/** Packages come from deno.json, where they are pinned. */
export function checkPackages(tree: Tree): string[] {
  const offences: string[] = [];
  for (const { path, imports } of tree.files) {
    for (const { specifier, line } of imports) {
      const isKnown = specifier.startsWith(".") || specifier.startsWith("node:") ||
        tree.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
      if (!isKnown) offences.push(`${path}:${line}: "${specifier}" is not in deno.json`);
    }
  }
  return offences;
}

/** Words with one home. */
export function checkWords(tree: Tree): string[] {
  const offences: string[] = [];
  for (const { path, words } of sources(tree)) {
    for (const { word, line } of words) {
      const broken = HOMES.find((rule) => rule.word.test(word) && !rule.home.test(path));
      if (broken !== undefined) offences.push(`${path}:${line}: ${word}: ${broken.why}`);
    }
  }
  return offences;
}

/** Which error means which errno is said in one file. */
export function checkErrnoChoices(tree: Tree): string[] {
  const offences: string[] = [];
  for (const { path, errnoChoices, imports } of sources(tree)) {
    if (path === ERRNO_HOME) continue;
    const storeErrors = imports
      .filter(({ specifier }) => resolve(path, specifier) === STORE_ERRORS)
      .flatMap(({ names }) => names);
    for (const { classes, line } of errnoChoices) {
      const found = classes.find((name) => storeErrors.includes(name));
      if (found !== undefined) {
        offences.push(`${path}:${line}: chooses an errno for ${found}: that is ${ERRNO_HOME}'s`);
      }
    }
  }
  return offences;
}

/** Files and functions that fit into a head. */
export function checkSizes(tree: Tree): string[] {
  const offences: string[] = [];
  for (const { path, lines, functions } of sources(tree)) {
    if (lines > FILE_LINES_MAX) {
      offences.push(`${path}:1: has ${lines} lines, ${FILE_LINES_MAX} are allowed`);
    }
    for (const one of functions) {
      if (one.lines <= FUNCTION_LINES_MAX) continue;
      const text = `${one.name} has ${one.lines} lines, ${FUNCTION_LINES_MAX} are allowed`;
      offences.push(`${path}:${one.line}: ${text}`);
    }
  }
  return offences;
}

/** No file that only passes exports on. */
export function checkBarrels(tree: Tree): string[] {
  return sources(tree).filter((file) => file.isBarrel)
    .map(({ path }) => `${path}:1: only passes exports on: import the files themselves`);
}

/** What no source file imports is dead, but for `main.ts`. */
export function checkUnused(tree: Tree): string[] {
  const used = new Set([...fileImports(tree)].map(({ target }) => target));
  return sources(tree).filter(({ path }) => path !== "main.ts" && !used.has(path))
    .map(({ path }) => `${path}:1: is imported by no source file`);
}

/**
 * A file that runs is reached by a test: one beside it, one that imports it, or one that drives it
 * through other files of its room (a class through its methods, a table through its rows).
 */
export function checkTested(tree: Tree): string[] {
  const tested = new Set<string>();
  for (const { path, imports } of tree.files) {
    if (!isTest(path)) continue;
    tested.add(path.replace(/_test\.ts$/, ".ts"));
    for (const { specifier } of imports) tested.add(resolve(path, specifier) ?? "");
  }
  const inRoom = new Map<string, string[]>();
  for (const { path, target } of fileImports(tree)) {
    if (roomOf(path) === roomOf(target)) inRoom.set(path, [...inRoom.get(path) ?? [], target]);
  }
  // A Set goes on to the elements that are added while it is gone through.
  for (const path of tested) for (const target of inRoom.get(path) ?? []) tested.add(target);
  return sources(tree).filter(({ path, isTypesOnly }) => !isTypesOnly && !tested.has(path))
    .map(({ path }) => `${path}:1: has no test`);
}
