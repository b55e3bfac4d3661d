import assert from "node:assert/strict";
import { runLine, userEnvironment } from "../../tests/support/command_line.ts";
import { COMMANDS } from "./commands/mod.ts";
import { EXIT_MEANINGS } from "./exit_codes.ts";
import { ClosedOutputError } from "./output.ts";
import { InterruptedError } from "./run.ts";
import { VERSION } from "./version.ts";

Deno.test("version, --version and -V print the version", async () => {
  for (const word of ["version", "--version", "-V"]) {
    const { code, stdout } = await runLine([word]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^cloudmount ${RegExp.escape(VERSION)} \\(`));
  }
  const json: unknown = JSON.parse((await runLine(["version", "--json"])).stdout);
  assert.equal((json as { version: string }).version, VERSION);
});

Deno.test("help and --help list every command and every exit code", async () => {
  for (const words of [["help"], ["--help"], ["-h"], ["--config", "/x", "--help"]]) {
    const { code, stdout } = await runLine(words);
    assert.equal(code, 0, words.join(" "));
    for (const { name, summary } of COMMANDS) {
      assert.match(stdout, new RegExp(`^  ${name} +${RegExp.escape(summary)}$`, "m"));
    }
    for (const meaning of Object.values(EXIT_MEANINGS)) assert.ok(stdout.includes(meaning));
  }
});

Deno.test("No words at all show the help on stderr and are wrong usage", async () => {
  const { code, stdout, stderr } = await runLine([]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Usage:/m);
});

for (const { name, load } of COMMANDS) {
  Deno.test(`${name} --help has a description, options, examples and exit codes`, async () => {
    const { command } = await load();
    const [flag, word] = [await runLine([name, "--help"]), await runLine(["help", name])];
    assert.deepEqual(word, flag);
    const { code, stdout, stderr } = flag;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: cloudmount ${name}`));
    assert.match(stdout, /^ {2}--config FILE/m);
    assert.equal(/^ {2}--json /m.test(stdout), command.takesJson);
    assert.ok(stdout.replace(/\s+/g, " ").includes(command.description.slice(0, 40)));
    assert.ok(command.examples.length > 0);
    for (const { line } of command.examples) {
      assert.match(line, /\bcloudmount /);
      assert.ok(stdout.includes(`  ${line}`), line);
    }
    const codes = stdout.slice(stdout.indexOf("Exit codes:")).match(/^ {2}\d+ /gm);
    assert.equal(new Set(codes).size, codes!.length, "an exit code is listed twice");
    assert.ok(codes!.length >= 4);
  });

  Deno.test(`${name} refuses an unknown option with exit code 2`, async () => {
    const { code, stdout, stderr } = await runLine([name, "--no-such-option"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^Error: /);
    assert.ok(stderr.includes(`cloudmount ${name} --help`), stderr);
  });
}

Deno.test("An unknown command is refused with the nearest one", async () => {
  const { code, stdout, stderr } = await runLine(["confg", "check"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /There is no command "confg"\n.*Did you mean "cloudmount config"\?/);
  assert.equal((await runLine(["help", "confg"])).code, 2);
  assert.match((await runLine(["--jsn"])).stderr, /There is no option "--jsn" here/);
});

Deno.test("A misspelt option or subcommand is refused with the nearest one", async () => {
  assert.match((await runLine(["config", "check", "--jsno"])).stderr, /Did you mean .--json./);
  assert.match((await runLine(["config", "chekc"])).stderr, /Did you mean .check./);
  assert.match((await runLine(["config", "check", "--config"])).stderr, /requires .FILE/);
});

Deno.test("Options of every command may stand before and behind it", async () => {
  for (
    const words of [
      ["--config", "/c.toml", "config", "path", "--json"],
      ["--json", "--config=/c.toml", "config", "path"],
      ["config", "--json", "path", "--config", "/c.toml"],
    ]
  ) {
    const { code, stdout } = await runLine(words);
    assert.equal(code, 0, words.join(" "));
    assert.deepEqual(JSON.parse(stdout), { path: "/c.toml", exists: false });
  }
});

Deno.test("A missing config file ends a command with 3 and the way to write one", async () => {
  const { code, stderr } = await runLine(["config", "show"]);
  assert.equal(code, 3);
  assert.match(stderr, /\/nowhere\/\.config\/cloudmount\.toml:1:1: does not exist .*config init/);
});

Deno.test("Without a home the config file must be named", async () => {
  const environment = userEnvironment("", { home: undefined });
  const { code, stderr } = await runLine(["config", "path"], { environment });
  assert.equal(code, 3);
  assert.match(stderr, /HOME is not set\nHint: Name it: --config FILE/);
});

Deno.test("A reader that went away ends a command quietly", async () => {
  let said = "";
  const streams = {
    writeStdout: () => {
      throw new ClosedOutputError("closed");
    },
    writeStderr: (text: string) => void (said += text),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
  };
  const { code } = await runLine(["version"], { streams });
  assert.deepEqual([code, said], [1, ""]);
});

Deno.test("A command that was interrupted ends with 130 and says nothing", async () => {
  const interrupt = new AbortController();
  const reason = new InterruptedError("Interrupted");
  interrupt.abort(reason);
  const streams = {
    writeStdout: () => {
      throw reason;
    },
    writeStderr: () => assert.fail("something was said"),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
  };
  const { code } = await runLine(["version"], { streams, signal: interrupt.signal });
  assert.equal(code, 130);
});

Deno.test("cloudmount version loads no parser, no TOML, no SDK and no database", async () => {
  const root = new URL("../../main.ts", import.meta.url);
  const info = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", root.href],
    stdout: "piped",
    stderr: "null",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(info.stdout)) as {
    modules: {
      specifier: string;
      dependencies?: { specifier: string; isDynamic?: boolean; code?: { specifier: string } }[];
    }[];
  };
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set<string>();
  const load = (specifier: string): void => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (const { code, isDynamic } of byName.get(specifier)?.dependencies ?? []) {
      if (code !== undefined && !isDynamic) load(code.specifier);
    }
  };
  load(root.href);
  assert.ok(loaded.size > 5, "nothing was read");
  // The timers of node are in the runtime's snapshot, as its own are.
  const isOurs = (name: string) => !/^(npm|node|https?):/.test(name) || name === "node:timers";
  assert.deepEqual([...loaded].filter((name) => !isOurs(name)), []);
});
