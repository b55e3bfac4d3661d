/** A bucket belongs to everybody: what is done here is seen there, and what is done there is seen here. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { eventually, python, sh, succeed } from "../support/mount_programs.ts";

/** Names that some client, shell, URL or XML could get wrong. */
const ODD_NAMES = [
  "with space",
  " leading and trailing ",
  "a+b",
  "100%",
  "%41 is not A",
  "a%2Fb",
  "sharp#",
  "question?",
  "amp&ersand",
  "semi;colon",
  "equals=",
  "at@",
  "quotes'\"",
  "back\\slash",
  "<tag>",
  "star*",
  "[brackets]",
  "~tilde",
  "-dash",
  "...",
  "..hidden",
  ".dot",
  "emoji 😀",
  "combining e\u0301",
  "composed é",
  "中文 Ελληνικά עברית",
  "zero\u200bwidth",
  "new\nline",
  "tab\t",
  "x".repeat(255),
];

const SHORT_TTL = 'metadata_ttl = "500ms"';

mountTest("object by object, another client reads the same bytes that programs wrote", async () => {
  await withMountedBuckets(async (mounted) => {
    await sh(
      mounted.path(),
      `mkdir -p tree/sub; seq 1 100000 > tree/numbers; head -c 3000000 /dev/urandom > tree/sub/random
       : > tree/empty; head -c 20000000 /dev/urandom > "tree/in parts"; echo ü > "tree/sub/ü"`,
    );
    const keys = [...await mounted.other().list("tree/")].filter(([key]) => !key.endsWith("/"));
    assert.equal(keys.length, 5);
    for (const [key] of keys) {
      const here = (await succeed("sha256sum", [`${mounted.path()}/${key}`])).slice(0, 64);
      assert.equal(await mounted.other().sha256(key), here, key);
    }
  });
});

mountTest("the aws command line copies a tree in and out, byte for byte", async () => {
  await withMountedBuckets(async (mounted) => {
    const env = mounted.awsEnvironment();
    await sh(
      mounted.folder,
      `mkdir -p there/sub; seq 1 1000 > "there/a b.txt"; head -c 9000000 /dev/urandom > there/sub/large
       aws s3 cp --quiet --recursive there s3://alpha/there`,
      { env },
    );
    await mounted.seen(`${mounted.path()}/there`);
    await sh(mounted.folder, "diff -r there mnt/alpha/there");
    await sh(mounted.path(), "cp -r there back; echo more > back/more; rm 'back/a b.txt'");
    await sh(
      mounted.folder,
      "aws s3 sync --quiet s3://alpha/back back; diff -r back mnt/alpha/back; test -f back/more",
      { env },
    );
  }, { defaults: SHORT_TTL });
}, ["aws"]);

mountTest("odd names written here are exactly these keys", async () => {
  await withMountedBuckets(async (mounted) => {
    for (const name of ODD_NAMES) {
      await Deno.mkdir(`${mounted.path()}/d ${name.slice(0, 100)}`);
      await Deno.writeTextFile(`${mounted.path()}/${name}`, name);
      await Deno.writeTextFile(`${mounted.path()}/d ${name.slice(0, 100)}/${name}`, name);
    }
    const expected = ODD_NAMES.flatMap((name) => {
      const folder = `d ${name.slice(0, 100)}/`;
      return [name, folder, folder + name];
    });
    assert.deepEqual((await mounted.other().keys()).sort(), expected.sort());
    for (const name of ODD_NAMES) assert.equal(await mounted.other().text(name), name);
    await mounted.restart();
    for (const name of ODD_NAMES) {
      assert.equal(await Deno.readTextFile(`${mounted.path()}/${name}`), name);
      await Deno.rename(
        `${mounted.path()}/${name}`,
        `${mounted.path()}/d ${name.slice(0, 100)}/moved`,
      );
    }
    for (const name of ODD_NAMES) {
      assert.equal(await mounted.other().text(`d ${name.slice(0, 100)}/moved`), name);
    }
    await sh(mounted.path(), "rm -r ./*");
    assert.deepEqual((await mounted.other().keys()).filter((key) => !key.startsWith(".")), []);
  }, { server: "serve-s3" });
});

mountTest("odd keys put by another client are these names", async () => {
  await withMountedBuckets(async (mounted) => {
    for (const name of ODD_NAMES) {
      await mounted.other().put(name, name);
      await mounted.other().put(`below/${name}/${name}`, name);
    }
    assert.deepEqual((await names(mounted.path())).sort(), [...ODD_NAMES, "below"].sort());
    assert.deepEqual((await names(`${mounted.path()}/below`)).sort(), [...ODD_NAMES].sort());
    for (const name of ODD_NAMES) {
      assert.equal(await Deno.readTextFile(`${mounted.path()}/${name}`), name);
      assert.equal(await Deno.readTextFile(`${mounted.path()}/below/${name}/${name}`), name);
    }
  }, { server: "serve-s3" });
});

mountTest("keys that cannot be names are hidden, and do no harm", async () => {
  await withMountedBuckets(async (mounted) => {
    const hidden = [
      "/leading",
      "dir//double",
      "//",
      "dir/" + "n".repeat(256),
      "n".repeat(300) + "/below",
      "both",
    ];
    for (const key of [...hidden, "both/below", "dir/good", "good"]) {
      await mounted.other().put(key, key);
    }
    const folder = mounted.path();
    assert.deepEqual((await names(folder)).sort(), ["both", "dir", "good"]);
    assert.deepEqual(await names(`${folder}/dir`), ["good"]);
    assert.equal(await sh(folder, "cat both/below dir/good good"), "both/belowdir/goodgood");
    await sh(
      folder,
      `echo new > dir/new; mv good dir/; rm dir/new; ! rmdir dir 2>/dev/null; ls -lR; find . | wc -l
       ! cat dir/.../x 2>/dev/null; ! cat "dir/$(printf 'n%.0s' $(seq 256))" 2>/dev/null`,
    );
    // Nothing of them is lost, not even by renaming their directory.
    await sh(folder, "mv dir moved");
    const keys = await mounted.other().keys();
    for (const key of hidden) {
      const now = key.replace(/^dir\//, "moved/");
      assert.ok(keys.includes(now), `${key} is lost: ${JSON.stringify(keys)}`);
    }
    assert.equal((await mounted.status()).state, "mounted");
  }, { server: "serve-s3" });
});

mountTest(
  "keys with . and .. between slashes are hidden, and hold on to their directory",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const hidden = ["dir/./dot", "dir/../dots", "../up", "./here"];
      const env = mounted.awsEnvironment();
      // Of the clients here only this one sends such keys.
      const put = 'for key; do printf x | aws s3 cp --quiet - "s3://alpha/$key"; done';
      await succeed("bash", ["-euc", put, "bash", ...hidden, "dir/good"], { env });
      const before = await mounted.other().keys();
      assert.equal(before.length, 5);
      const folder = mounted.path();
      assert.deepEqual(await names(folder), ["dir"]);
      assert.deepEqual(await names(`${folder}/dir`), ["good"]);
      await sh(folder, "echo y > dir/good; ! mv dir moved 2>/dev/null; ! rm -r dir 2>/dev/null");
      const after = await mounted.other().keys();
      for (const key of hidden) assert.ok(after.includes(key), `${key} is lost: ${after}`);
      assert.ok(!after.some((key) => key.startsWith("moved")), `half a rename: ${after}`);
    }, { server: "serve-s3" });
  },
  ["aws", "bash"],
);

mountTest("directories are shown with and without an object of their own", async () => {
  await withMountedBuckets(async (mounted) => {
    const other = mounted.other();
    await other.put("implicit/sub/file", "x");
    await other.put("marked/", "");
    await other.put("marked/file", "y");
    await other.put("empty/", "");
    const folder = mounted.path();
    assert.equal(await sh(folder, "ls -F"), "empty/\nimplicit/\nmarked/\n");
    assert.equal(
      await sh(folder, "find . -type d | sort | tr '\n' ' '"),
      ". ./empty ./implicit ./implicit/sub ./marked ",
    );
    // Its last file gone, an implicit directory is still there.
    await sh(
      folder,
      "rm implicit/sub/file; test -d implicit/sub; rmdir implicit/sub; test -d implicit; rmdir implicit empty",
    );
    assert.deepEqual(await other.keys(), ["marked/", "marked/file"]);
    await sh(folder, "rm -r marked");
    assert.deepEqual(await other.keys(), []);
  });
});

mountTest(
  "files that others put, change and delete are seen when the listing's time is over",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const other = mounted.other();
      const folder = mounted.path();
      await sh(folder, "mkdir d; echo mine > d/mine; ls d");
      await other.put("d/theirs", "one");
      await mounted.seen(`${folder}/d/theirs`);
      assert.equal(await sh(folder, "cat d/theirs"), "one");
      await other.put("d/theirs", "two, and longer");
      await eventually(
        "the change",
        async () => (await Deno.stat(`${folder}/d/theirs`)).size === 15,
      );
      assert.equal(await sh(folder, "cat d/theirs"), "two, and longer");
      // The same size: only the ETag tells.
      await other.put("d/theirs", "TWO, and longer");
      await eventually(
        "the other bytes",
        async () => await read(`${folder}/d/theirs`) === "TWO, and longer",
      );
      await other.delete("d/theirs");
      await eventually("the removal", async () => (await names(`${folder}/d`)).join() === "mine");
      await other.put("deep/new/tree/file", "x");
      await mounted.seen(`${folder}/deep/new/tree/file`);
      // A file becomes a directory.
      await other.delete("d/mine");
      await other.put("d/mine/below", "now a directory");
      await eventually(
        "the directory",
        async () => (await names(`${folder}/d/mine`).catch(() => [])).join() === "below",
      );
      assert.equal(await sh(folder, "cat d/mine/below"), "now a directory");
    }, { defaults: SHORT_TTL });
  },
);

mountTest(
  "an object changed while it is open is never read mixed: the old handle gets ESTALE",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const size = 40 * 2 ** 20;
      await mounted.other().put("large", new Uint8Array(size).fill(1));
      const child = reader(
        mounted,
        `
data = os.pread(fd, 1 << 20, 0)
assert set(data) == {1}
ask()
errors = set()
for at in range(0, ${size}, 1 << 20):
    try: seen = set(os.pread(fd, 1 << 20, at))
    except OSError as error: errors.add(error.errno); continue
    assert seen == {1}, (at, seen)
assert errors == {errno.ESTALE}, errors
with open(sys.argv[1], "rb") as again: assert set(again.read()) == {2}
`,
      );
      await child.asked;
      await mounted.other().put("large", new Uint8Array(size).fill(2));
      await child.finish();
    }, { defaults: SHORT_TTL, daemon: 'memory_limit = "64MiB"' });
  },
);

mountTest(
  "an object replaced by a smaller or larger one is read whole by who opens it then",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const other = mounted.other();
      const path = `${mounted.path()}/file`;
      for (const size of [100_000, 10, 3_000_000, 0, 70_000]) {
        const byte = size % 251;
        await other.put("file", new Uint8Array(size).fill(byte));
        await eventually(`${size} bytes`, async () => {
          const bytes = await Deno.readFile(path).catch(() => undefined);
          if (bytes === undefined) return false;
          assert.ok(new Set(bytes).size <= 1, "mixed bytes");
          return bytes.length === size && (size === 0 || bytes[0] === byte);
        });
      }
    }, { defaults: SHORT_TTL });
  },
);

mountTest("a mapped object reads the same at random places as the object", async () => {
  await withMountedBuckets(async (mounted) => {
    const source = `${mounted.folder}/local`;
    await sh(mounted.folder, "head -c 12345678 /dev/urandom > local");
    await mounted.other().put("mapped", await Deno.readFile(source));
    await python(
      `
import mmap, random, sys
with open(sys.argv[1], "rb") as a, open(sys.argv[2], "rb") as b:
    one, two = (mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) for f in (a, b))
    assert len(one) == len(two) == 12345678
    random.seed(1)
    for _ in range(300):
        at = random.randrange(len(one)); size = random.randrange(20000)
        assert one[at:at + size] == two[at:at + size], at
    assert one[:] == two[:]
`,
      [source, `${mounted.path()}/mapped`],
    );
  });
});

/** A Python program that holds the file "large" open as `fd`; `ask()` waits for the test. */
function reader(mounted: MountedBuckets, source: string) {
  const head = `
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
def ask():
    print("ask", flush=True); sys.stdin.readline()
`;
  const child = new Deno.Command("timeout", {
    args: ["-s", "KILL", "60", "python3", "-c", head + source, `${mounted.path()}/large`],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  const errors = new Response(child.stderr).text();
  return {
    asked: output.read(),
    finish: async () => {
      const input = child.stdin.getWriter();
      await input.write(new TextEncoder().encode("go on\n"));
      await input.close();
      const { code } = await child.status;
      await output.cancel();
      assert.equal(code, 0, await errors);
    },
  };
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found;
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch((error: unknown) => {
    if (error instanceof Error) return error.message;
    throw error;
  });
}
