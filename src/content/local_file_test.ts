import assert from "node:assert/strict";
import { join } from "node:path";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import { openFdFile, SEEK_DATA, SEEK_HOLE } from "../ffi/fd_file.ts";
import { SystemError } from "../ffi/system_error.ts";
import { LocalFile, type LocalFileHome, OpenLocalFiles } from "./local_file.ts";

const home: LocalFileHome = {
  create: (path, bytes) => {
    const file = openFdFile(path, { create: true, exclusive: true });
    file.pwrite(bytes, 0);
    return file;
  },
  open: (path) => openFdFile(path),
};

const bytesOf = (text: string) => new TextEncoder().encode(text);

function contentOf(file: LocalFile): string {
  const target = new Uint8Array(100);
  return new TextDecoder().decode(target.subarray(0, file.pread(target, 0)));
}

Deno.test("LocalFile holds the same in memory, on the disk, and after a rest", () =>
  withDirectory((directory) =>
    withSeed(async (random) => {
      const open = new OpenLocalFiles();
      const file = LocalFile.inMemory(join(directory, crypto.randomUUID()), home, open);
      let expected = new Uint8Array(0);
      const resize = (size: number) => {
        const next = new Uint8Array(size);
        next.set(expected.subarray(0, size));
        expected = next;
      };
      for (let step = 0; step < 400; step++) {
        const offset = random.below(5000);
        const length = 1 + random.below(2000);
        const action = random.below(20);
        if (action < 8) {
          const data = crypto.getRandomValues(new Uint8Array(length));
          file.pwrite(data, offset);
          resize(Math.max(expected.length, offset + length));
          expected.set(data, offset);
        } else if (action < 12) {
          file.truncate(offset);
          resize(offset);
        } else if (action < 16) {
          file.punch(offset, length);
          expected.fill(0, offset, offset + length);
        } else if (action === 16) file.rest();
        else if (action === 17 && step > 200) await file.datasync();
        if (step === 200) file.toDisk();
        assert.equal(file.isOnDisk, step >= 200);
        const target = new Uint8Array(length);
        const got = await (random.below(2) === 0
          ? file.pread(target, offset)
          : file.preadElsewhere(target, offset));
        assert.deepEqual(target.subarray(0, got), expected.subarray(offset, offset + length));
        const data = file.seek(offset, SEEK_DATA) ?? Infinity;
        assert.ok(expected.subarray(offset, Math.min(data, expected.length)).every((b) => b === 0));
        const hole = file.seek(offset, SEEK_HOLE);
        assert.equal(hole === undefined, offset >= expected.length);
      }
      file.close();
      assert.equal(open.count, 0);
      assert.throws(() =>
        file.pread(new Uint8Array(1), 0), SystemError);
    })
  ));

Deno.test("LocalFile has no descriptor in memory, and on the disk only while it is among the last used", () =>
  withDirectory((directory) => {
    const open = new OpenLocalFiles();
    const descriptors = () =>
      Deno.build.os === "linux" ? [...Deno.readDirSync("/proc/self/fd")] : [];
    const before = descriptors().length;
    const files = Array.from(
      { length: 700 },
      (_, i) => LocalFile.inMemory(join(directory, `${i}`), home, open),
    );
    for (const [i, file] of files.entries()) file.pwrite(bytesOf(`file ${i}`), 0);
    assert.equal(open.count, 0);
    for (const file of files) file.toDisk();
    assert.equal(open.count, 256);
    assert.ok(descriptors().length <= before + 256);
    for (const [i, file] of files.entries()) {
      assert.equal(contentOf(file), `file ${i}`);
      file.pwrite(bytesOf("!"), `file ${i}`.length);
    }
    assert.equal(open.count, 256);
    for (const [i, file] of files.entries()) assert.equal(contentOf(file), `file ${i}!`);
    for (const file of files) file.close();
    assert.equal(open.count, 0);
    assert.ok(descriptors().length <= before);
  }));

Deno.test("LocalFile stays in memory, as it is, when the disk has no room for it", () => {
  const failing: LocalFileHome = {
    ...home,
    create: (path) => {
      throw new SystemError(`Cannot write "${path}"`, "pwrite", "ENOSPC", path);
    },
  };
  const file = LocalFile.inMemory("/nowhere", failing, new OpenLocalFiles());
  file.pwrite(bytesOf("text"), 0);
  assert.throws(() => file.toDisk(), SystemError);
  assert.equal(file.isOnDisk, false);
  assert.equal(contentOf(file), "text");
  file.close();
  assert.throws(() => contentOf(file), SystemError);
});
