import assert from "node:assert/strict";
import { drain, journalled } from "../../tests/support/journalled_volume.ts";
import { context, until } from "../../tests/support/memory_volume.ts";
import { utf8Size } from "../listings/names.ts";
import type { StoreHook } from "../s3/stores/memory.ts";
import { conflictName } from "./conflict_name.ts";

/** In local time, as the names are. */
const NOW = new Date(2026, 10, 21, 9, 30, 5).getTime();

const copyOf = (stem: string, extension = "") =>
  `${stem} (conflict laptop 2026-11-21 093005)${extension}`;

Deno.test("Conflicts keep both when two writers make the same name", async () => {
  await using volume = journalled(NOW);
  await volume.list("");
  await volume.write("report.odt", "ours");
  await volume.putObject("report.odt", "theirs");
  await drain(volume);
  const copy = copyOf("report", ".odt");
  assert.deepEqual(await volume.keys(), [copy, "report.odt"]);
  assert.equal(await volume.read("report.odt"), "theirs");
  assert.equal(await volume.read(copy), "ours");
  const conflict = { path: "report.odt", copy, at: new Date(NOW).toISOString() };
  assert.deepEqual(volume.fs.conflicts(), [conflict]);
  assert.deepEqual(volume.journal.entries("change"), []);
});

Deno.test("Conflicts keep both when two writers edit the same file", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  // All of it is read, so what is not written is here.
  await volume.readOpen(file);
  volume.writeOpen(file, "ours", 3);
  await volume.close(file);
  await volume.read("f");
  await volume.putObject("f", "theirs");
  await drain(volume);
  assert.equal(await volume.object("f"), "theirs");
  assert.equal(await volume.read("f"), "theirs");
  assert.equal(volume.fs.conflicts().length, 1);
});

Deno.test("Conflicts keep both when a file is replaced here and there", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "base");
  await volume.list("");
  await volume.write("f", "ours");
  await volume.putObject("f", "theirs");
  await drain(volume);
  assert.equal(await volume.object("f"), "theirs");
  assert.equal(await volume.object(copyOf("f")), "ours");
  assert.deepEqual(await volume.list(""), ["f", copyOf("f")].sort());
});

Deno.test("Conflicts are none when both have written the same bytes", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "base");
  await volume.list("");
  await volume.write("f", "same");
  await volume.write("new", "also the same");
  await volume.putObject("f", "same");
  await volume.putObject("new", "also the same");
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["f", "new"]);
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.equal(await volume.read("f"), "same");
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("Conflicts: what was edited here and removed there comes back with the edit", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "base");
  await volume.list("");
  await volume.write("f", "edited");
  await volume.store.delete("f", context.signal);
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["f"]);
  assert.equal(await volume.object("f"), "edited");
  assert.deepEqual(volume.fs.conflicts(), []);
});

Deno.test("Conflicts: what was removed here and edited there stays, and is told", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "base");
  await volume.putObject("g", "base");
  await volume.unlink("f");
  await volume.unlink("g");
  assert.deepEqual(await volume.list(""), []);
  await volume.putObject("f", "edited");
  await drain(volume);
  assert.deepEqual(await volume.list(""), ["f"]);
  assert.equal(await volume.read("f"), "edited");
  assert.deepEqual(volume.fs.conflicts().map(({ path, copy }) => [path, copy]), [["f", null]]);
  assert.deepEqual(volume.journal.entries("change"), []);
});

Deno.test("Conflicts: what is edited there between our look and our deletion stays too", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "base");
  await volume.unlink("f");
  let once = true;
  volume.store.hook = async ({ method }) => {
    if (method !== "deleteMany" || !once) return;
    once = false;
    await volume.putObject("f", "edited");
  };
  await drain(volume);
  assert.equal(await volume.object("f"), "edited");
  assert.equal(volume.fs.conflicts().length, 1);
  assert.equal(await volume.read("f"), "edited");
});

Deno.test("Conflicts keep both when a renamed file meets another version of its target", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("a", "ours");
  await volume.putObject("target", "base");
  await volume.rename("a", "target");
  await volume.putObject("target", "theirs");
  await drain(volume);
  const copy = copyOf("target");
  assert.deepEqual(await volume.keys(), ["target", copy].sort());
  assert.equal(await volume.read("target"), "theirs");
  assert.equal(await volume.read(copy), "ours");
  assert.equal(volume.fs.conflicts()[0]?.copy, copy);
});

Deno.test("Conflicts keep both when the kernel has forgotten the file meanwhile", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("a", "ours");
  const ino = await volume.ino("a");
  await volume.fs.rename(1 as never, "a", 1 as never, "target", 0, context);
  await volume.putObject("target", "theirs");
  volume.fs.forget(ino, 1);
  await drain(volume);
  assert.equal(await volume.read("target"), "theirs");
  assert.equal(await volume.read(copyOf("target")), "ours");
});

Deno.test("Conflicts: a rename is of what the name stands for, also when that was edited there", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("a", "base");
  await volume.rename("a", "b");
  await volume.putObject("a", "edited");
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["b"]);
  assert.equal(await volume.read("b"), "edited");
  assert.deepEqual(volume.journal.entries("change"), []);
});

Deno.test("Conflicts: a rename of what was removed there is given up", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("a", "base");
  await volume.rename("a", "b");
  await volume.store.delete("a", context.signal);
  await drain(volume);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual(await volume.list(""), []);
  assert.equal(volume.fs.conflicts().length, 1);
  assert.deepEqual(volume.journal.entries("change"), []);
});

Deno.test("Conflicts: attributes set on a version that is gone do not apply to the next one", async () => {
  await using volume = journalled(NOW);
  await volume.putObject("f", "base");
  await volume.putObject("g", "base");
  for (const name of ["f", "g"]) {
    await volume.fs.setattr(await volume.ino(name), { mode: 0o600 }, undefined, context);
  }
  await volume.putObject("f", "theirs");
  await volume.store.delete("g", context.signal);
  await drain(volume);
  assert.deepEqual(await volume.list(""), ["f"]);
  assert.equal(await volume.read("f"), "theirs");
  assert.equal((await volume.entry("f")).attr!.mode, 0o100644);
  assert.equal((await volume.store.head("f", context.signal)).metadata!["mode"], undefined);
  assert.deepEqual(volume.fs.conflicts().map(({ path }) => path).sort(), ["f", "g"]);
  assert.deepEqual(volume.journal.entries("change"), []);
});

Deno.test("Conflicts never make an object of a file of which a part is gone", async () => {
  await using volume = journalled(NOW);
  const big = "x".repeat(20 * 2 ** 20);
  await volume.putObject("f", big);
  const file = await volume.open("f");
  volume.writeOpen(file, "ours", 10 * 2 ** 20);
  await volume.close(file);
  await volume.putObject("f", "theirs");
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["f"]);
  assert.equal(await volume.read("f"), "theirs");
  assert.equal(volume.fs.problems().length, 1);
  assert.match(volume.fs.problems()[0]!, /"f" was replaced in S3/);
  const [name] = [...Deno.readDirSync(volume.lostAndFound)].map((entry) => entry.name)
    .filter((name) => !name.endsWith(".json"));
  const kept = await Deno.readFile(`${volume.lostAndFound}/${name}`);
  assert.equal(new TextDecoder().decode(kept.subarray(10 * 2 ** 20, 10 * 2 ** 20 + 4)), "ours");
  assert.equal(volume.fs.conflicts()[0]?.copy, null);
  assert.deepEqual(volume.journal.entries("change"), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("Conflicts leave the handle that has a file open on its own version", async () => {
  await using volume = journalled(NOW);
  await volume.list("");
  const file = await volume.create("f");
  volume.writeOpen(file, "ours");
  await volume.fs.flush(file.ino, file.fh, context);
  await volume.putObject("f", "theirs");
  await drain(volume);
  volume.writeOpen(file, " and more", 4);
  assert.equal(await volume.readOpen(file), "ours and more");
  await volume.close(file);
  await drain(volume);
  assert.equal(await volume.object("f"), "theirs");
  assert.equal(await volume.object(copyOf("f")), "ours and more");
});

Deno.test("Conflicts leave alone what was removed or renamed while they were looked into", async () => {
  await using volume = journalled(NOW);
  await volume.list("");
  const names = ["removed", "renamed", "same", "same2"];
  for (const name of names) await volume.write(name, "ours");
  for (const name of names) {
    await volume.putObject(name, name.startsWith("same") ? "ours" : "theirs");
  }
  const held = Promise.withResolvers<void>();
  let heads = 0;
  volume.store.hook = async ({ method }) => {
    if (method === "head" && ++heads <= names.length) await held.promise;
  };
  const drained = drain(volume);
  await until(() => heads === names.length);
  await volume.unlink("removed");
  await volume.rename("renamed", "new");
  await volume.unlink("same");
  await volume.rename("same2", "new2");
  held.resolve();
  await drained;
  volume.store.hook = undefined;
  await drain(volume);
  const expected = { new: "ours", new2: "ours", removed: "theirs", renamed: "theirs" };
  const keys = (await volume.keys()).filter((key) => !key.startsWith("same"));
  assert.deepEqual(keys, Object.keys(expected));
  for (const [key, text] of Object.entries(expected)) {
    assert.equal(await volume.object(key), text, key);
    assert.equal(await volume.read(key), text, key);
  }
  for (const name of await volume.list("")) await volume.read(name);
  assert.equal(volume.fs.conflicts().every(({ copy }) => copy === null), true);
  assert.deepEqual(volume.journal.entries("change"), []);
});

Deno.test("Conflicts find names that are free", async () => {
  await using volume = journalled(NOW);
  await volume.list("");
  for (const round of ["one", "two", "three"]) {
    await volume.write("f.txt", round);
    const hook: StoreHook = async ({ method, key }) => {
      if (method !== "put" || key !== "f.txt") return;
      volume.store.hook = undefined;
      await volume.putObject("f.txt", `theirs ${round}`);
    };
    volume.store.hook = hook;
    await drain(volume);
  }
  const names = ["", " 2", " 3"].map((again) =>
    `f (conflict laptop 2026-11-21 093005${again}).txt`
  );
  assert.deepEqual(await volume.keys(), [...names, "f.txt"].sort());
  assert.deepEqual(
    await Promise.all(names.map((name) => volume.read(name))),
    ["one", "two", "three"],
  );
});

Deno.test("Conflicts survive a restart, and are forgotten when their copy is removed or renamed", async () => {
  await using volume = journalled(NOW);
  await volume.list("");
  for (const name of ["a", "b"]) {
    await volume.write(name, "ours");
    await volume.putObject(name, "theirs");
  }
  await drain(volume);
  await using next = await volume.restart();
  assert.deepEqual(next.fs.conflicts(), volume.fs.conflicts());
  assert.equal(next.fs.conflicts().length, 2);
  await next.unlink(copyOf("a"));
  await next.rename(copyOf("b"), "b");
  assert.deepEqual(next.fs.conflicts(), []);
  await drain(next);
  assert.deepEqual(await next.keys(), ["a", "b"]);
  assert.equal(await next.object("b"), "ours");
  assert.deepEqual(next.journal.entries(), []);
});

Deno.test("conflictName keeps the extension, takes a leading dot for none, and fits", () => {
  const at = (name: string, host = "laptop", number = 1) => conflictName(name, host, NOW, number);
  const mark = " (conflict laptop 2026-11-21 093005)";
  assert.equal(at("report.odt"), `report${mark}.odt`);
  assert.equal(at("archive.tar.gz"), `archive.tar${mark}.gz`);
  assert.equal(at("Makefile"), `Makefile${mark}`);
  assert.equal(at(".bashrc"), `.bashrc${mark}`);
  assert.equal(at("f", "a/b", 3), "f (conflict a_b 2026-11-21 093005 3)");
  for (const name of ["n".repeat(255), `${"é".repeat(125)}.txt`, `${"😀".repeat(63)}.c`]) {
    const long = at(name);
    assert.ok(utf8Size(long) <= 255 && utf8Size(long) > 250, long);
    assert.ok(long.includes(mark), long);
    assert.equal(long.isWellFormed(), true);
  }
  assert.ok(at(`${"é".repeat(125)}.txt`).endsWith(".txt"));
  for (const name of [`a.${"x".repeat(253)}`, `.${"x".repeat(254)}`]) {
    assert.ok(utf8Size(at(name)) <= 255, `${utf8Size(at(name))} bytes`);
  }
});
