import assert from "node:assert/strict";
import { holdDaemon } from "./holder.ts";

/** Plays the daemon: appends what it sees to a file, keeps a pipe's end once, and ends as the file says. */
const DAEMON = `
import array, os, signal, socket, sys, time
notes, plan = sys.argv[1], sys.argv[2].split(",")
held = os.environ["CLOUDMOUNT_HELD"]
with open(notes, "a") as f:
    f.write(("held " + ",".join(w.split(":", 1)[1] for w in held.split(",") if w)).strip())
    f.write(" crashed" if "CLOUDMOUNT_CRASHED" in os.environ else "")
    for word in held.split(","):
        if word: f.write(" " + os.readlink("/proc/self/fd/" + word.split(":")[0]).split(":")[0])
    f.write("\\n")
runs = len(open(notes).read().splitlines())
s = socket.socket(fileno=int(os.environ["CLOUDMOUNT_HOLDER"]))
def send(text, fds=[]):
    s.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
step = plan[min(runs, len(plan)) - 1]
if "keep" in step: send("FDSTORE=1\\nFDNAME=mount-a", list(os.pipe()))
if "drop" in step: send("FDSTOREREMOVE=1\\nFDNAME=mount-a")
if "wait" in step:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True: time.sleep(0.01)
if "kill" in step: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(step.split(" ")[-1]))
`;

async function run(plan: string, end?: (notes: string) => Promise<AbortSignal>) {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-holder-" });
  try {
    const notes = `${folder}/notes`;
    const said: string[] = [];
    const stop = new AbortController();
    void end?.(notes).then(() => stop.abort());
    const code = await holdDaemon({
      command: ["python3", "-c", DAEMON, notes, plan],
      end: stop.signal,
      crashesMax: 5,
      say: (line) => said.push(line),
    });
    return { code, said, runs: (await Deno.readTextFile(notes)).trim().split("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A daemon that dies is started again, with what it had kept", async () => {
  const { code, runs, said } = await run("keep kill,drop 1,0");
  assert.equal(code, 0);
  assert.deepEqual(runs, ["held", "held mount-a,mount-a pipe pipe", "held"]);
  assert.deepEqual(said.map((line) => line.match(/by SIG\w+|code \d+/)?.[0]), [
    "by SIGKILL",
    "code 1",
  ]);
});

Deno.test("A daemon that asks to be started again is, without a word", async () => {
  const { code, runs, said } = await run("keep 75,75,0");
  assert.equal(code, 0);
  assert.equal(runs.length, 3);
  assert.deepEqual(said, []);
});

Deno.test("A daemon that could not start, or should not, is not tried again", async () => {
  for (const plan of ["1", "keep 2", "keep 3"]) {
    const { code, runs } = await run(plan);
    assert.equal(code, Number(plan.at(-1)));
    assert.equal(runs.length, 1);
  }
});

Deno.test("A crash loop is broken: nothing is held, and the last daemon hears of it", async () => {
  const { code, runs, said } = await run("keep kill,kill,kill,kill,kill,0");
  assert.equal(code, 0);
  assert.deepEqual(runs.at(-2), "held mount-a,mount-a pipe pipe");
  assert.deepEqual(runs.at(-1), "held crashed");
  assert.equal(runs.length, 6);
  assert.match(said.at(-1)!, /crashed 5 times within a minute/);
});

Deno.test("When the holder is to end it ends the daemon, and waits for it", async () => {
  const { code, runs } = await run("keep wait", async (notes) => {
    while ((await Deno.stat(notes).catch(() => undefined)) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // It may not listen yet: then the signal ends it.
    return AbortSignal.abort();
  });
  assert.ok(code === 0 || code === 143);
  assert.equal(runs.length, 1);
});
