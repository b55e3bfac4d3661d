import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { NameTable } from "../listings/name_table.ts";
import { errnoOf } from "./errno_map.ts";
import type { InodeNumber } from "./file_system.ts";
import type { DirectoryInode } from "./inode.ts";
import { InodeTable } from "./inode_table.ts";

function tableOf(names: readonly string[], etag = "e"): NameTable {
  const table = new NameTable();
  table.append(
    names.map((key) =>
      key.endsWith("/") ? { key } : { key, file: { size: 1, etag, lastModifiedMs: 0 } }
    ),
  );
  table.isWhole = true;
  return table;
}

/** What readdirplus does with an entry. */
function give(
  inodes: InodeTable,
  directory: DirectoryInode,
  table: NameTable,
  name: string,
): InodeNumber | undefined {
  const row = table.find(name);
  return inodes.giveRow(directory, table, row, name, table.file(row)!);
}

const awake = (inodes: InodeTable) => [...inodes.values()].length;

Deno.test("Files that are only listed have numbers and no inodes, until they are asked for", () => {
  const inodes = new InodeTable();
  const names = Array.from({ length: 3000 }, (_, index) => `f${10_000 + index}`);
  const table = tableOf(names);
  const woken: string[] = [];
  inodes.onWake = (inode, { etag }) => void woken.push(`${inode.name} ${etag}`);
  const directory = inodes.addDirectory(inodes.root, "d");
  const numbers = names.map((name) => give(inodes, directory, table, name)!);
  assert.equal(new Set(numbers).size, 3000);
  assert.deepEqual([inodes.size, awake(inodes)], [3002, 2]);
  assert.deepEqual(names.map((name) => give(inodes, directory, table, name)), numbers);

  const file = inodes.file(numbers[1500]!);
  assert.deepEqual([file.name, file.parent, file.lookups], ["f11500", directory, 2]);
  assert.equal(directory.children.get("f11501")?.number, numbers[1501]);
  assert.deepEqual(woken, ["f11500 e", "f11501 e"]);
  assert.deepEqual([inodes.size, awake(inodes)], [3002, 4]);
  assert.equal(give(inodes, directory, table, "f11500"), undefined, "it has an inode now");
  inodes.checkInvariants();

  for (const number of numbers) inodes.forget(number, 1);
  assert.equal(inodes.size, 3002);
  for (const number of numbers) inodes.forget(number, 1);
  assert.equal(inodes.size, 1, "the directory goes with its last file");
  assert.throws(() => inodes.get(numbers[0]!), (error) => errnoOf(error) === "ESTALE");
  inodes.checkInvariants();
});

Deno.test("A name keeps its number, asleep, awake, forgotten and listed again; another file gets another", () => {
  const inodes = new InodeTable();
  const table = tableOf(["a", "b", "c"]);
  const { root } = inodes;
  const [a, b, c] = ["a", "b", "c"].map((name) => give(inodes, root, table, name)!);
  inodes.forget(inodes.get(a!).number, 1);
  assert.equal(give(inodes, root, table, "a"), a);
  inodes.forget(b!, 1);
  assert.equal(inodes.addFile(root, "b").number, b);
  inodes.detach(root.children.get("b")!);
  assert.notEqual(inodes.addFile(root, "b").number, b, "another file of that name");

  // A later listing tells of other bytes under "c".
  const later = tableOf(["a", "c"], "other");
  assert.equal(give(inodes, root, later, "c"), undefined);
  assert.equal(root.children.get("c")?.number, c);
  assert.equal(give(inodes, root, tableOf(["a", "x"]), "a"), a, "the same bytes");
  assert.equal(give(inodes, root, tableOf(["a", "x"]), "x"), undefined, "not in the first one");
  inodes.checkInvariants();

  // Nobody knows anything any more: the numbers go on to the next listing.
  for (const number of [a!, c!]) inodes.forget(number, 9);
  root.children.get("b")!.lookups = 1;
  assert.equal(give(inodes, root, later, "a"), undefined);
  assert.equal(inodes.addFile(root, "a").number, a);
  inodes.checkInvariants();
});

Deno.test("The listing of a large directory goes with the last file that the kernel knows of it", () => {
  const inodes = new InodeTable();
  const names = Array.from({ length: 60_000 }, (_, index) => `f${100_000 + index}`);
  const table = tableOf(names);
  const { children } = inodes.root;
  const [first, second] = names.slice(50_000, 50_002)
    .map((name) => give(inodes, inodes.root, table, name)!);
  inodes.forget(first!, 1);
  assert.equal(children.asleep?.table, table);
  inodes.forget(second!, 1);
  assert.equal(children.asleep, undefined);
  inodes.checkInvariants();
});

Deno.test("A file that the kernel was given very often wakes rather than miscounts", () => {
  const inodes = new InodeTable();
  const table = tableOf(["a"]);
  const { root } = inodes;
  let last: InodeNumber | undefined;
  let times = 0;
  for (let next = give(inodes, root, table, "a"); next !== undefined; times++) {
    last = next;
    next = give(inodes, root, table, "a");
  }
  assert.equal(inodes.file(last!).lookups, times);
  inodes.forget(last!, times);
  assert.equal(inodes.size, 1);
});

Deno.test("No number stands for two names, whatever is listed, woken, forgotten and replaced", async () => {
  await withSeed((random) => {
    const inodes = new InodeTable();
    const names = ["a", "b", "c", "d", "e"];
    const directories = [
      inodes.root,
      ...["x", "y"].map((name) => {
        const directory = inodes.addDirectory(inodes.root, name);
        directory.lookups = 1;
        return directory;
      }),
    ];
    const tables = directories.map(() => tableOf(names));
    /** What the kernel knows. */
    const known = new Map<InodeNumber, { at: string; lookups: number }>();
    const count = (number: InodeNumber, at: string) => {
      const entry = known.get(number) ?? { at, lookups: 0 };
      assert.equal(entry.at, at, `${number} stands for two names`);
      known.set(number, { at, lookups: entry.lookups + 1 });
    };
    for (let step = 0; step < 4000; step++) {
      const index = random.below(directories.length);
      const [directory, table] = [directories[index]!, tables[index]!];
      const name = random.pick(names);
      const at = `${index}/${name}`;
      const numbers = [...known.keys()];
      switch (random.below(6)) {
        case 0:
        case 1: {
          const isThere = table.find(name) >= 0 && directory.children.peek(name) === undefined;
          const number = isThere ? give(inodes, directory, table, name) : undefined;
          if (number !== undefined) {
            count(number, at);
            break;
          }
          const file = directory.children.get(name) ?? inodes.addFile(directory, name);
          file.lookups++;
          count(file.number, at);
          break;
        }
        case 2:
          if (numbers.length > 0) inodes.get(random.pick(numbers));
          break;
        case 3: {
          if (numbers.length === 0) break;
          const number = random.pick(numbers);
          const entry = known.get(number)!;
          const some = 1 + random.below(entry.lookups);
          inodes.forget(number, some);
          if (some === entry.lookups) known.delete(number);
          else known.set(number, { ...entry, lookups: entry.lookups - some });
          break;
        }
        case 4: {
          // Removed here: what the kernel knows stands for what it knew.
          const child = directory.children.get(name);
          if (child !== undefined) inodes.detach(child);
          break;
        }
        case 5:
          tables[index] = tableOf(
            names.filter(() => random.next() < 0.8),
            random.next() < 0.5 ? "e" : `e${step}`,
          );
      }
      inodes.checkInvariants();
      const total = [...known.keys()].filter((number) => inodes.get(number) !== undefined).length;
      assert.equal(total, known.size);
    }
  });
});
