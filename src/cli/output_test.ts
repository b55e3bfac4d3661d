import assert from "node:assert/strict";
import { createOutput, type Output } from "./output.ts";

interface Written {
  readonly output: Output;
  readonly stdout: string[];
  readonly stderr: string[];
}

function written(
  options: { readonly json?: boolean; readonly terminal?: boolean; readonly noColor?: boolean },
): Written {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const isTerminal = options.terminal ?? false;
  const output = createOutput({
    writeStdout: (text) => void stdout.push(text),
    writeStderr: (text) => void stderr.push(text),
    stdoutIsTerminal: isTerminal,
    stderrIsTerminal: isTerminal,
    columns: 80,
  }, { json: options.json ?? false, noColor: options.noColor ?? false });
  return { output, stdout, stderr };
}

Deno.test("A result is text, or JSON with --json", () => {
  const text = written({});
  text.output.show({ a: 1 }, () => "a is 1");
  assert.deepEqual(text.stdout, ["a is 1\n"]);
  const json = written({ json: true, terminal: true });
  json.output.show({ a: 1 }, () => assert.fail("text was made"));
  assert.deepEqual(json.stdout, ['{\n  "a": 1\n}\n']);
});

Deno.test("Errors, hints, warnings and remarks go to stderr", () => {
  const { output, stdout, stderr } = written({});
  output.error("Cannot stop: no", "Try again");
  output.warning("slow");
  output.note("by the way");
  assert.deepEqual(stdout, []);
  assert.deepEqual(stderr, [
    "Error: Cannot stop: no\n",
    "Hint: Try again\n",
    "Warning: slow\n",
    "by the way\n",
  ]);
});

Deno.test("Colours need a terminal, and no NO_COLOR", () => {
  const red = (options: Parameters<typeof written>[0]) => written(options).output.style.red("x");
  assert.equal(red({ terminal: true }), "\x1b[31mx\x1b[39m");
  assert.equal(red({ terminal: true, noColor: true }), "x");
  assert.equal(red({}), "x");
  assert.equal(red({ terminal: true, json: true }), "x");
  const { output, stderr } = written({ terminal: true });
  output.error("bad");
  assert.deepEqual(stderr, ["\x1b[31mError:\x1b[39m bad\n"]);
});

Deno.test("An error cannot command the terminal", () => {
  const { output, stderr } = written({});
  output.error("no key \x1b]0;x\x07");
  assert.deepEqual(stderr, ["Error: no key \\u{1b}]0;x\\u{7}\n"]);
});

Deno.test("Progress is silent in a pipe, and drawn on a terminal's stderr", () => {
  const { output, stdout, stderr } = written({});
  const progress = output.progress("x", 100);
  progress.update(50);
  progress.end();
  assert.deepEqual([...stdout, ...stderr], []);
  const terminal = written({ terminal: true });
  terminal.output.progress("x", 100).update(50);
  assert.match(terminal.stderr.join(""), /^\rx {2}50 B of 100 B/);
});

Deno.test("What is shown again and again is drawn on a terminal, and plain where it changes in a pipe", () => {
  const draw = ({ output, stdout }: Written) => {
    {
      using screen = output.screen();
      for (const n of [1, 1, 2]) screen.draw({ n }, () => `n is ${n}`);
    }
    return stdout.join("");
  };
  assert.equal(draw(written({})), "n is 1\nn is 2\n");
  assert.equal(draw(written({ json: true, terminal: true })), '{"n":1}\n{"n":2}\n');
  const drawn = draw(written({ terminal: true }));
  assert.ok(drawn.startsWith("\x1b[?1049h") && drawn.endsWith("\x1b[?1049l"));
  assert.equal(drawn.split("\x1b[H").length, 4);
});

Deno.test("An output can be had as JSON", () => {
  const { output, stdout } = written({ terminal: true });
  output.asJson().show({ a: 1 }, () => assert.fail("text was made"));
  assert.deepEqual(stdout, ['{\n  "a": 1\n}\n']);
});
