/**
 * Serves a `MemoryFs` until its input ends: a mount with a process of its own, to be killed, or to
 * belong to another user. Arguments: mount point, and optionally the user id to become and
 * "allow_other". Prints "mounted", or why not.
 */
import { messageOf } from "../../src/base/message_of.ts";
import { mountFuse } from "../../src/fuse/mount.ts";
import { MemoryFs } from "./fuse_memory_fs.ts";

const [mountPoint = "", uid, allowOther] = Deno.args;
const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));

if (uid !== undefined) {
  // glibc applies it to all threads.
  const parameters = ["u32", "u32", "u32"] as const;
  const libc = Deno.dlopen("libc.so.6", {
    setresgid: { parameters, result: "i32" },
    setresuid: { parameters, result: "i32" },
  });
  const id = Number(uid);
  libc.symbols.setresgid(id, id, id);
  libc.symbols.setresuid(id, id, id);
}
const fs = new MemoryFs();
fs.addFile("hello", new TextEncoder().encode("hello\n"));
try {
  const options = { mountPoint, name: "memory", readOnly: false, searchPath: "" };
  const mount = await mountFuse(
    fs,
    { ...options, allowOther: allowOther === "allow_other" },
    AbortSignal.timeout(20_000),
  );
  say("mounted");
  for await (const _ of Deno.stdin.readable);
  await mount.unmount();
  say("unmounted");
} catch (error) {
  say(messageOf(error));
}
