/** Programs that get in each other's way, and daemons that die. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { inParallel, printNote, python, sh } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";

/** fsx: random calls on one file, through a handle, a mapping and the path, against bytes in memory. */
const FSX = `
import mmap, os, random, sys
path, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
LIMIT = 400_000
model = bytearray()
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
done = []
def place():
    at = random.randrange(LIMIT); return at, min(random.choice([1, 10, 4096, 5000, 70_000]), LIMIT - at)
def grow(size):
    if size > len(model): model.extend(bytes(size - len(model)))
for step in range(steps):
    kind = random.choice(["write", "write", "read", "read", "map", "mapread", "cut", "grow", "reopen", "sync", "size", "append"])
    at, size = place()
    done.append(f"{kind} {at} {size}")
    if kind == "write":
        data = random.randbytes(size); os.pwrite(fd, data, at); grow(at + size); model[at:at + size] = data
    elif kind == "append":
        data = random.randbytes(min(size, LIMIT - len(model)))
        with open(path, "ab") as file: file.write(data)
        model.extend(data)
    elif kind == "read":
        got = os.pread(fd, size, at)
        assert got == model[at:at + size], (step, done[-8:], len(got), len(model))
    elif kind in ("map", "mapread") and len(model) > 0:
        at %= len(model); size = min(size, len(model) - at)
        with mmap.mmap(fd, len(model)) as view:
            if kind == "mapread": assert view[at:at + size] == model[at:at + size], (step, done[-8:])
            else: data = random.randbytes(size); view[at:at + size] = data; model[at:at + size] = data
    elif kind == "cut" and len(model) > 0:
        size = random.randrange(len(model)); os.ftruncate(fd, size); del model[size:]
    elif kind == "grow": os.truncate(path, max(at, len(model))); grow(at)
    elif kind == "reopen": os.close(fd); fd = os.open(path, os.O_RDWR)
    elif kind == "sync": os.fsync(fd)
    elif kind == "size":
        assert os.stat(path).st_size == os.fstat(fd).st_size == len(model), (step, done[-8:], os.stat(path).st_size, len(model))
os.close(fd)
with open(path, "rb") as file: assert file.read() == model, (done[-8:], "at the end")
sys.stdout.write(__import__("hashlib").sha256(model).hexdigest())
`;

mountTest(
  "one file holds what it should after random writes, mappings and truncations",
  async () => {
    await withSeed(async (random) => {
      await withMountedBuckets(async (mounted) => {
        const files = Array.from({ length: 4 }, (_, index) => ({
          name: `fsx${index}`,
          seed: String(random.below(2 ** 31)),
        }));
        await Promise.all(files.map(async ({ name, seed }) => {
          const hash = await python(FSX, [`${mounted.path()}/${name}`, seed, "250"]);
          assert.equal(await mounted.other().sha256(name), hash, `${name} with seed ${seed}`);
        }));
      });
    });
  },
);

/** Each of several processes does what it likes with the same few names; errors are part of it. */
const FIGHT = `
import os, random, shutil, sys
random.seed(int(sys.argv[1]))
names = ["a", "b", "c", "d/x", "d/y", "e/f/g"]
unexpected = 0
for step in range(int(sys.argv[2])):
    one, two = random.choice(names), random.choice(names)
    try:
        kind = random.randrange(9)
        if kind == 0: open(one, "wb").write(random.randbytes(random.randrange(20000)))
        elif kind == 1: open(one, "ab").write(b"more")
        elif kind == 2: open(one, "rb").read()
        elif kind == 3: os.rename(one, two)
        elif kind == 4: os.unlink(one)
        elif kind == 5: os.makedirs(one, exist_ok=True)
        elif kind == 6: os.listdir(os.path.dirname(one) or ".")
        elif kind == 7: shutil.rmtree(one)
        elif kind == 8: os.truncate(one, random.randrange(10000))
    except OSError as error:
        # No such, is, is not, not empty, exists; None: rmtree saw another process's change.
        if error.errno not in (None, 2, 17, 20, 21, 22, 39, 116): print(step, kind, one, two, error)
`;

mountTest("processes that fight over the same names leave the mount as S3 has it", async () => {
  await withSeed(async (random) => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      const seeds = Array.from({ length: 6 }, () => String(random.below(2 ** 31)));
      const said = await Promise.all(
        seeds.map((seed) => python(FIGHT, [seed, "120"], { cwd: folder })),
      );
      assert.deepEqual(said.filter((text) => text !== ""), []);
      assert.equal((await mounted.status()).uploads.pending_files, 0);
      await compare(mounted);
      await mounted.restart();
      await compare(mounted);
    }, { server: "serve-s3" });
  });
});

mountTest("a daemon killed in the middle of things is replaced by the next one", async () => {
  await withMountedBuckets(async (mounted) => {
    const folder = mounted.path();
    await sh(folder, "echo before > before; mkdir d; echo x > d/x");
    const startMs = performance.now();
    await mounted.kill();
    await mounted.start();
    await printNote(
      `a killed daemon was replaced in ${Math.round(performance.now() - startMs)} ms`,
    );
    assert.equal(
      await sh(folder, "cat before d/x; echo after > after; cat after"),
      "before\nx\nafter\n",
    );
  });
});

mountTest(
  "reading and writing a thousand files at once needs no more than the limits",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      const numbers = Array.from({ length: 1000 }, (_, index) => index);
      await inParallel(
        numbers,
        64,
        (index) => Deno.writeTextFile(`${folder}/f${index}`, `file ${index}`),
      );
      await mounted.restart();
      await inParallel(numbers, 64, async (index) => {
        assert.equal(await Deno.readTextFile(`${folder}/f${index}`), `file ${index}`);
      });
      // All of them open together.
      await python(
        `
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
files = [open(f"f{i}", "r+b") for i in range(1000)]
for i, file in enumerate(files): file.seek(0, 2); file.write(b"!")
for file in files: file.close()
`,
        [],
        { cwd: folder },
      );
      assert.equal(await mounted.other().text("f999"), "file 999!");
      const { memory, connections } = await mounted.statusDocument();
      assert.ok(memory.used_bytes <= memory.limit_bytes);
      assert.equal(connections.in_use, 0);
    });
  },
);

/** Every file in the mount is an object with the same bytes, and the other way round. */
async function compare(mounted: MountedBuckets): Promise<void> {
  const folder = mounted.path();
  const files = (await sh(folder, "find . -type f -printf '%P\\n' | sort")).split("\n").slice(
    0,
    -1,
  );
  const objects = (await mounted.other().keys()).filter((key) => !key.endsWith("/"));
  assert.deepEqual(files, objects.sort());
  for (const file of files) {
    const bytes = await mounted.other().get(file);
    assert.deepEqual(await Deno.readFile(`${folder}/${file}`), bytes, file);
  }
}
