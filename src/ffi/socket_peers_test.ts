import assert from "node:assert/strict";
import { cutStrangers } from "./socket_peers.ts";

const NOBODY = 65534;

/** Says why no process of another user can be started here. */
function whyNoStrangers(): string | undefined {
  if (Deno.build.os !== "linux") return "SO_PEERCRED is Linux's";
  return Deno.uid() === 0 ? undefined : "only root can start a process of another user";
}

async function withSocket(body: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.chmod(directory, 0o755);
    await body(`${directory}/s`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const why = whyNoStrangers();
// deno-lint-ignore no-console -- a skipped test says why
if (why !== undefined) console.log(`Skipping the tests of other users' connections: ${why}`);

function strangerTest(name: string, work: () => Promise<void>): void {
  Deno.test({ name, ignore: why !== undefined, fn: work });
}

strangerTest(
  "Connections of other users to a socket are found and cut, others are left alone",
  async () => {
    await withSocket(async (path) => {
      using listener = Deno.listen({ transport: "unix", path });
      await Deno.chmod(path, 0o777);
      using own = await Deno.connect({ transport: "unix", path });
      using ownAccepted = await listener.accept();
      assert.deepEqual(cutStrangers(path, [0]), []);
      const script = `import socket
s = socket.socket(socket.AF_UNIX); s.connect("${path}"); s.recv(1)`;
      const stranger = new Deno.Command("/usr/bin/python3", {
        args: ["-c", script],
        uid: NOBODY,
        cwd: "/",
      }).spawn();
      using accepted = await listener.accept();
      assert.deepEqual(cutStrangers(path, [0, NOBODY]), []);
      assert.deepEqual(cutStrangers(path, [0]), [NOBODY]);
      assert.equal((await stranger.status).success, true);
      assert.equal(await accepted.read(new Uint8Array(1)), null);
      await own.write(new Uint8Array([7]));
      const got = new Uint8Array(1);
      await ownAccepted.read(got);
      assert.equal(got[0], 7);
    });
  },
);

strangerTest("Sockets that listen elsewhere are not looked at", async () => {
  await withSocket(async (path) => {
    using listener = Deno.listen({ transport: "unix", path });
    using _client = await Deno.connect({ transport: "unix", path });
    using _accepted = await listener.accept();
    assert.deepEqual(cutStrangers(`${path}2`, []), []);
  });
});
