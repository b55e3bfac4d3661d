import assert from "node:assert/strict";
import { DiskFiles } from "./files.ts";

const CONTENT = "ab0123";

async function withFiles(body: (files: DiskFiles, directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-files-" });
  const files = new DiskFiles(directory);
  try {
    await body(files, directory);
  } finally {
    files.close();
    await Deno.remove(directory, { recursive: true });
  }
}

const part = (byte: number) => [new Uint8Array(4096).fill(byte)];

function openDescriptors(directory: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(directory);
    } catch {
      return false; // that of the listing itself
    }
  }).length;
}

Deno.test("DiskFiles makes a file once for all who write to it at the same time", () =>
  withFiles(async (files, directory) => {
    await Promise.all([0, 1, 2].map((i) => files.write(CONTENT, part(i + 1), i * 4096)));
    const bytes = await Deno.readFile(`${directory}/ab/${CONTENT}`);
    assert.deepEqual([0, 4096, 8192].map((at) => bytes[at]), [1, 2, 3]);
    assert.equal(openDescriptors(directory), 1);
  }));

Deno.test("DiskFiles has one descriptor of a file that is opened for a read while it is for a write", () =>
  withFiles(async (files, directory) => {
    await files.write(CONTENT, part(1), 0);
    files.close();
    const writing = files.write(CONTENT, part(2), 4096);
    assert.ok(files.open(CONTENT));
    await writing;
    assert.equal(files.open(CONTENT)!.size(), 8192);
    assert.equal(openDescriptors(directory), 1);
  }));

Deno.test("DiskFiles makes a directory anew that somebody has removed", () =>
  withFiles(async (files, directory) => {
    await files.write(CONTENT, part(1), 0);
    await Deno.remove(`${directory}/ab`, { recursive: true });
    await files.write("ab4567", part(2), 0);
    assert.equal((await Deno.readFile(`${directory}/ab/ab4567`))[0], 2);
  }));

Deno.test("DiskFiles tells why it cannot make a file", () =>
  withFiles(async (files, directory) => {
    await Deno.writeTextFile(`${directory}/ab`, "in the way");
    await assert.rejects(files.write(CONTENT, part(1), 0), /ab0123.*ENOTDIR|ENOTDIR.*ab0123/s);
  }));
