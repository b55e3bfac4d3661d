import assert from "node:assert/strict";
import {
  closeDescriptor,
  receiveMessage,
  sendMessage,
  setInherited,
  socketPair,
  waitForMessage,
} from "./descriptor_message.ts";
import { FdFile, openMemoryFile } from "./fd_file.ts";
import { SystemError } from "./system_error.ts";

const text = (bytes: Uint8Array<ArrayBuffer>) => new TextDecoder().decode(bytes);

Deno.test("A message brings its text and its descriptors, in their order", async () => {
  const [one, other] = socketPair();
  const files = ["first", "second"].map((content) => {
    const file = openMemoryFile(content)!;
    file.pwrite(new TextEncoder().encode(content), 0);
    return file;
  });
  assert.equal(receiveMessage(other), undefined);
  const arrived = waitForMessage(other);
  sendMessage(one, { text: "A=1\nB=ü", descriptors: files.map(({ fd }) => fd) });
  for (const file of files) file.close();
  await arrived;
  const message = receiveMessage(other);
  assert.ok(typeof message === "object");
  assert.equal(message.text, "A=1\nB=ü");
  const contents = message.descriptors.map((fd) => {
    const file = new FdFile(fd, "received");
    const bytes = new Uint8Array(file.size());
    file.pread(bytes, 0);
    file.close();
    return text(bytes);
  });
  assert.deepEqual(contents, ["first", "second"]);
  sendMessage(one, { text: "no descriptors", descriptors: [] });
  assert.deepEqual(receiveMessage(other), { text: "no descriptors", descriptors: [] });
  closeDescriptor(one);
  assert.equal(receiveMessage(other), "ended");
  closeDescriptor(other);
});

Deno.test("Sending never waits: a full queue is an error", () => {
  const [one, other] = socketPair();
  const message = { text: "x".repeat(4000), descriptors: [] };
  assert.throws(
    () => {
      for (let i = 0; i < 10_000; i++) sendMessage(one, message);
    },
    (error) => error instanceof SystemError && error.errno === "EAGAIN",
  );
  closeDescriptor(one);
  closeDescriptor(other);
});

Deno.test("A child inherits a descriptor only if it is said", async () => {
  const file = openMemoryFile("x")!;
  const isInherited = async () => {
    const { code } = await new Deno.Command("test", { args: ["-e", `/proc/self/fd/${file.fd}`] })
      .output();
    return code === 0;
  };
  assert.equal(await isInherited(), false);
  setInherited(file.fd, true);
  assert.equal(await isInherited(), true);
  setInherited(file.fd, false);
  assert.equal(await isInherited(), false);
  file.close();
});
