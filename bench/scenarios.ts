/** How each row is measured. */
import { distinctBodies, filesBelow, names } from "./data.ts";
import type { Scenario, Stage } from "./stage.ts";

const SEED = 20_261_121;
const FILE = "data/file.bin";

function program(
  ...argv: readonly string[]
): { readonly op: "program"; readonly argv: readonly string[] } {
  return { op: "program", argv };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    rows: ["first-byte"],
    data: ["big"],
    async run(stage) {
      await stage.mount();
      await stage.measure({ op: "first_byte", path: stage.path(FILE) }, { row: "first-byte" });
    },
  },
  {
    rows: ["read", "read-again"],
    data: ["big"],
    async run(stage) {
      await stage.mount();
      await stage.measure({ op: "read", path: stage.path(FILE) }, { row: "read" });
      if (!stage.wants("read-again")) return;
      await stage.restart();
      await stage.measure({ op: "read", path: stage.path(FILE) }, { row: "read-again" });
    },
  },
  {
    rows: ["random-4k"],
    data: ["big"],
    run: (stage) =>
      readRandomly(stage, {
        row: "random-4k",
        bytes: 4096,
        count: stage.sizes.smallReads,
        threads: 1,
      }),
  },
  {
    rows: ["random-128k"],
    data: ["big"],
    run: (stage) =>
      readRandomly(stage, {
        row: "random-128k",
        bytes: 131_072,
        count: stage.sizes.largeReads,
        threads: 16,
      }),
  },
  {
    rows: ["random-cached"],
    data: ["cached"],
    async run(stage) {
      await stage.mount();
      await stage.prepare({ op: "read", path: stage.path(FILE) });
      await stage.prepare({ op: "forget", path: stage.path(FILE) });
      await measureRandom(stage, {
        row: "random-cached",
        bytes: 4096,
        count: stage.sizes.cachedReads,
        threads: 1,
      });
    },
  },
  {
    rows: ["small-1"],
    data: ["small"],
    run: (stage) => readSmallFiles(stage, "small-1", 1),
  },
  {
    rows: ["small-16"],
    data: ["small"],
    run: (stage) => readSmallFiles(stage, "small-16", 16),
  },
  {
    rows: ["ls", "ls-again", "stat", "ls-restart"],
    data: ["many"],
    async run(stage) {
      const list = program("ls", "-l", stage.path("many"));
      await stage.mount();
      await stage.measure(list, { row: "ls" });
      await stage.measure(list, { row: "ls-again" });
      await stage.measure({ op: "stat_files", path: stage.path("many") }, { row: "stat" });
      if (!stage.wants("ls-restart")) return;
      await stage.restart();
      await stage.measure(list, { row: "ls-restart" });
    },
  },
  {
    rows: ["find"],
    data: ["tree"],
    async run(stage) {
      await stage.mount();
      await stage.measure(program("find", stage.path("tree"), "-type", "f"), { row: "find" });
    },
  },
  {
    rows: ["du"],
    data: ["tree"],
    async run(stage) {
      await stage.mount();
      await stage.measure(program("du", "-s", stage.path("tree")), { row: "du" });
    },
  },
  {
    rows: ["write"],
    durability: "remote",
    async run(stage) {
      await stage.mount();
      const bytes = stage.sizes.writtenBytes;
      await stage.measure({ op: "write", path: stage.path("new.bin"), bytes }, {
        flushed: "write",
        stored: "new.bin",
      });
    },
  },
  {
    rows: ["copy", "copy-flush"],
    async run(stage) {
      await stage.mount();
      const copy = program("cp", "-r", stage.local("files"), stage.path("copy"));
      const amount = stage.sizes.copiedFiles;
      await stage.measure(copy, { row: "copy", flushed: "copy-flush", amount });
    },
  },
  {
    rows: ["edit"],
    needs: "edit",
    durability: "remote",
    fill: (client, bucket, { editedBytes }) => client.putLarge(bucket, FILE, editedBytes),
    async run(stage) {
      await stage.mount();
      const offset = stage.sizes.editedBytes / 2;
      const edit = { op: "edit", path: stage.path(FILE), offset, bytes: 4096 };
      await stage.measure(edit, { flushed: "edit", stored: FILE });
    },
  },
  {
    rows: ["rename", "remove"],
    needs: "rename",
    fill: (client, bucket, { renamedFiles, smallBytes }) =>
      client.putObjects(bucket, names("data/old", renamedFiles), distinctBodies(smallBytes)),
    async run(stage) {
      await stage.mount();
      const [path, to] = [stage.path("data/old"), stage.path("data/new")];
      await stage.measure({ op: "rename", path, to }, { flushed: "rename" });
      if (!stage.wants("remove")) return;
      await stage.measure(program("rm", "-r", to), { flushed: "remove" });
    },
  },
  {
    rows: ["git-clone"],
    needs: "git",
    async run(stage) {
      await stage.mount();
      const clone = ["clone", "--quiet", "--no-hardlinks", "--template="];
      await stage.measure(
        program("git", ...SAFE, ...clone, stage.local("repo"), stage.path("clone")),
        { row: "git-clone" },
      );
    },
  },
  {
    rows: ["git-status"],
    // git writes its index anew.
    fill: async (client, bucket, _sizes, { repo }) => {
      const files = await filesBelow(repo, "");
      const keys = files.map((file) => `repo/${file}`);
      await client.putObjects(
        bucket,
        keys,
        (key) => Deno.readFile(repo + key.slice("repo".length)),
      );
    },
    async run(stage) {
      await stage.mount();
      // Objects have no mode of their own here.
      const status = [...SAFE, "-c", "core.fileMode=false", "-C", stage.path("repo"), "status"];
      await stage.measure(program("git", ...status), { row: "git-status" });
    },
  },
  {
    rows: ["dead-neighbour"],
    data: ["big"],
    deadNeighbour: true,
    async run(stage) {
      await stage.mount();
      await stage.measure({ op: "read", path: stage.path(FILE) }, { row: "dead-neighbour" });
    },
  },
  {
    rows: ["idle"],
    data: ["cached", "small", "big"],
    async run(stage) {
      await stage.mount();
      // What a start has left behind is given back.
      await new Promise((resolve) => setTimeout(resolve, 5000));
      stage.measureMemory("idle");
    },
  },
];

/** Whose a clone is does not matter. */
const SAFE = ["-c", "safe.directory=*"];

interface RandomReads {
  readonly row: string;
  /** Of each read. */
  readonly bytes: number;
  readonly count: number;
  readonly threads: number;
}

async function readRandomly(stage: Stage, reads: RandomReads): Promise<void> {
  await stage.mount();
  await measureRandom(stage, reads);
}

async function measureRandom(stage: Stage, { row, ...reads }: RandomReads): Promise<void> {
  const path = stage.path(FILE);
  await stage.measure({ op: "random_reads", path, ...reads, seed: SEED }, { row });
}

async function readSmallFiles(stage: Stage, row: string, threads: number): Promise<void> {
  await stage.mount();
  await stage.measure({ op: "read_files", path: stage.path("small"), threads }, { row });
}
