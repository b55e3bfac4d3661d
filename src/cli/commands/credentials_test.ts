import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { FakeTool } from "../../../tests/support/fake_tool.ts";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));
const ID = "AKIAABCDEFGHWXYZ";
const SECRET = "planted/secret+key";

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user without a keyring, and with a systemd that cannot encrypt for users. */
class User implements AsyncDisposable {
  readonly home: string;
  readonly #tools: readonly FakeTool[];

  private constructor(home: string, tools: readonly FakeTool[]) {
    this.home = home;
    this.#tools = tools;
  }

  static async create(): Promise<User> {
    const home = await Deno.makeTempDir({ prefix: "cloudmount-credentials-" });
    return new User(home, [
      await FakeTool.create("secret-tool", "echo no keyring >&2; exit 1"),
      await FakeTool.create("systemd-creds", "echo too old >&2; exit 1"),
    ]);
  }

  command(...args: readonly string[]): readonly string[] {
    return [Deno.execPath(), "run", "--quiet", "--no-check", "-A", MAIN, "credentials", ...args];
  }

  spawn(words: readonly string[]): Deno.ChildProcess {
    return new Deno.Command(words[0]!, {
      args: words.slice(1),
      env: { HOME: this.home, XDG_STATE_HOME: `${this.home}/state`, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async run(words: readonly string[], input: string): Promise<Finished> {
    const child = this.spawn(words);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tool of this.#tools) await tool[Symbol.asyncDispose]();
    await Deno.remove(this.home, { recursive: true });
  }
}

/** On macOS the user's own keychain would be written to. */
function linuxTest(name: string, fn: () => Promise<void>): void {
  const ignore = Deno.build.os !== "linux";
  if (ignore) {
    Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${name}: not on this system\n`));
  }
  Deno.test({ name, ignore, fn });
}

linuxTest("credentials are set from a pipe, listed without secrets, and removed", async () => {
  await using user = await User.create();
  const said: string[] = [];
  const run = async (args: readonly string[], input = "") => {
    const finished = await user.run(user.command(...args), input);
    said.push(finished.stdout, finished.stderr);
    return finished;
  };
  const set = await run(["set", "work"], `${ID}\n${SECRET}\n`);
  assert.equal(set.code, 0, set.stderr);
  assert.match(set.stdout, /^The credentials of "work" are in a file .* not encrypted$/m);
  assert.match(set.stderr, /^Warning: .*Passed over: .*no keyring; .*too old$/m);
  const list = JSON.parse((await run(["list", "--json"])).stdout);
  assert.deepEqual([list.length, list[0].profile, list[0].kept_in], [1, "work", "file"]);
  assert.equal(list[0].access_key_id_end, "WXYZ");
  assert.match((await run(["list"])).stdout, /^work +…WXYZ +file +\d{4}-/m);
  assert.deepEqual([...Deno.readDirSync(`${user.home}/state/cloudmount/credentials`)].length, 1);
  assert.equal((await run(["remove", "work"])).code, 0);
  const again = await run(["remove", "work"]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /there are none\nHint: .*credentials list/);
  assert.equal((await run(["set", "work"], `${ID}\nhush hush\n`)).code, 2);
  const all = said.join("");
  for (const hidden of [SECRET, ID, "hush"]) assert.equal(all.includes(hidden), false, hidden);
});

linuxTest("credentials set shows the id that a person types, and not the secret", async () => {
  await using user = await User.create();
  const line = user.command("set", "work").join(" ");
  const child = user.spawn(["script", "--quiet", "--return", "--command", line, "/dev/null"]);
  const writer = child.stdin.getWriter();
  const answers: [question: string, answer: string][] = [
    ["Access key id: ", ID],
    ["Secret access key (not shown): ", SECRET],
    ["Session token (not shown; Enter for none): ", ""],
  ];
  let said = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    const [question, answer] = answers[0] ?? ["", ""];
    if (question === "" || !said.endsWith(question)) continue;
    answers.shift();
    await writer.write(new TextEncoder().encode(`${answer}\r`));
  }
  await writer.close();
  await child.stderr.cancel();
  assert.equal((await child.status).code, 0, said);
  assert.match(said, new RegExp(`Access key id: ${ID}\r\nSecret access key`));
  assert.match(said, /The credentials of "work" are in/);
  assert.equal(said.includes(SECRET), false);
});
