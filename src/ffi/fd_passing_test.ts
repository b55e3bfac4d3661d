import assert from "node:assert/strict";
import { FdSocket } from "./fd_passing.ts";
import { FdFile, openFdFile } from "./fd_file.ts";

const SENDER = `
import socket, array, sys, os
s = socket.socket(fileno=int(sys.argv[1]))
fd = os.open(sys.argv[2], os.O_RDWR)
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
`;

Deno.test("FdSocket receives the descriptor that a child sends, and nothing when it sent none", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-fd-passing-" });
  const socket = new FdSocket();
  try {
    openFdFile(`${folder}/x`, { create: true }).close();
    const child = socket.shareWith((fd) =>
      new Deno.Command("python3", { args: ["-c", SENDER, String(fd), `${folder}/x`] }).spawn()
    );
    assert.equal((await child.status).code, 0);
    const fd = socket.receive();
    assert.ok(fd !== undefined);
    const file = new FdFile(fd, "received");
    file.pwrite(new TextEncoder().encode("through"), 0);
    file.close();
    assert.equal(await Deno.readTextFile(`${folder}/x`), "through");
    assert.equal(socket.receive(), undefined);
  } finally {
    socket.close();
    await Deno.remove(folder, { recursive: true });
  }
});
