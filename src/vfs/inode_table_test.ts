import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { withSeed } from "../../tests/support/seeded_random.ts";
import type { InodeNumber } from "./file_system.ts";
import type { DirectoryInode, Inode } from "./inode.ts";
import { InodeTable } from "./inode_table.ts";

Deno.test("InodeTable keeps an inode while it is known, open, or has inodes below it", () => {
  const table = new InodeTable();
  const directory = table.addDirectory(table.root, "d");
  const file = table.addFile(directory, "f");
  directory.lookups = 1;
  file.lookups = 2;
  file.handles = 1;
  table.forget(directory.number, 1);
  assert.equal(table.size, 3, "a directory stays for its file");
  table.forget(file.number, 2);
  assert.equal(table.get(file.number), file, "open");
  file.handles = 0;
  table.release(file);
  assert.equal(table.size, 1, "the directory goes with its last file");
  assert.throws(() => table.get(file.number), failsWith("ESTALE"));
});

Deno.test("InodeTable never gives a number twice", () => {
  const table = new InodeTable();
  const numbers = new Set<InodeNumber>();
  for (let i = 0; i < 100; i++) {
    const file = table.addFile(table.root, "f");
    assert.equal(numbers.has(file.number), false);
    numbers.add(file.number);
    table.detach(file);
  }
});

Deno.test("InodeTable gives a name that was only forgotten its number again", () => {
  const table = new InodeTable();
  const directory = table.addDirectory(table.root, "d");
  const file = table.addFile(directory, "f");
  for (const inode of [directory, file]) inode.lookups = 1;
  for (const inode of [directory, file]) table.forget(inode.number, 1);
  assert.equal(table.size, 1);
  const again = table.addDirectory(table.root, "d");
  assert.equal(again.number, directory.number);
  assert.equal(table.addFile(again, "f").number, file.number);
  assert.notEqual(table.addFile(table.root, "f").number, file.number, "in another directory");
  table.detach(again.children.get("f")!);
  assert.notEqual(table.addFile(again, "f").number, file.number, "another file of that name");
});

Deno.test("InodeTable tells files from directories", () => {
  const table = new InodeTable();
  const file = table.addFile(table.root, "f");
  assert.throws(() => table.directory(file.number), failsWith("ENOTDIR"));
  assert.throws(() => table.file(table.root.number), failsWith("EISDIR"));
});

Deno.test("InodeTable holds its invariants through random operations", async () => {
  await withSeed((random) => {
    const table = new InodeTable();
    const inodes = () => [...table.values()];
    const directories = () =>
      inodes().filter((inode): inode is DirectoryInode => inode.kind === "directory");
    const isBelow = (inode: Inode | undefined, above: Inode): boolean =>
      inode !== undefined && (inode === above || isBelow(inode.parent, above));
    for (let step = 0; step < 3000; step++) {
      const parent = random.pick(directories());
      const name = `n${random.below(6)}`;
      const inode = random.pick(inodes());
      switch (random.below(5)) {
        case 0:
        case 1:
          if (parent.children.has(name)) break;
          (random.next() < 0.4 ? table.addDirectory(parent, name) : table.addFile(parent, name))
            .lookups = 1 + random.below(3);
          break;
        case 2:
          table.forget(inode.number, 1 + random.below(3));
          break;
        case 3:
          if (inode !== table.root) table.detach(inode);
          break;
        case 4:
          if (inode === table.root || parent.children.has(name)) break;
          if (inode.parent?.children.get(inode.name) !== inode || isBelow(parent, inode)) break;
          if (parent !== table.root && table.size > 0 && !isAttached(parent)) break;
          table.move(inode, parent, name);
      }
      table.checkInvariants();
    }
  });

  function isAttached(inode: Inode): boolean {
    const { parent } = inode;
    return parent === undefined ||
      (parent.children.get(inode.name) === inode && isAttached(parent));
  }
});
