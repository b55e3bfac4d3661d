import assert from "node:assert/strict";

const MODULE = new URL("./core_dumps.ts", import.meta.url);
const LIBC = new URL("./libc_linux.ts", import.meta.url);

Deno.test({
  name: "A process that holds secrets leaves no core file, and goes on working",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const program = `
      const { preventCoreDumps } = await import(${JSON.stringify(MODULE.href)});
      const { libc } = await import(${JSON.stringify(LIBC.href)});
      preventCoreDumps();
      const { code } = await new Deno.Command("true").output();
      const limits = Deno.readTextFileSync("/proc/self/limits");
      const PR_GET_DUMPABLE = 3;
      const dumpable = libc().prctl(PR_GET_DUMPABLE, 0n, 0n, 0n, 0n);
      console.log(JSON.stringify({ dumpable, code, limits, rss: Deno.memoryUsage().rss }));
      Deno.kill(Deno.pid, "SIGABRT");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    `;
    const { stdout, signal } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-check", program],
    }).output();
    const said = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(said.dumpable, 0);
    assert.equal(said.code, 0);
    assert.ok(said.rss > 0);
    assert.match(said.limits, /^Max core file size +0 +0 +bytes/m);
    assert.equal(signal, "SIGABRT");
  },
});
