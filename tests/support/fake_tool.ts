/** A program of the system that a test plays: a shell script that is found first on PATH. */

/**
 * What every fake does before its own part: notes its words in `calls`; and when the test has laid down
 * answers for its first word, ends with the next of them: a line "CODE MESSAGE", or "-" for the own part.
 */
const PRELUDE = `#!/bin/sh
dir=$(dirname "$0")
verb() { for word; do case $word in -*) ;; *) echo "$word"; return;; esac; done; }
verb=$(verb "$@")
echo "$*" >> "$dir/calls"
answers="$dir/answers-$verb"
if [ -s "$answers" ]; then
  line=$(head -n 1 "$answers")
  tail -n +2 "$answers" > "$answers.rest"
  mv "$answers.rest" "$answers"
  if [ "$line" != - ]; then
    echo "\${line#* }" >&2
    exit "\${line%% *}"
  fi
fi
`;

/** secret-tool(1) with a keyring in its folder, one that is there and open. */
export const SECRET_TOOL = `
for account; do :; done
item="$dir/item-$account"
case $verb in
  store) cat > "$item";;
  lookup) [ -e "$item" ] || exit 1; cat "$item";;
  clear) [ -e "$item" ] || exit 1; rm "$item";;
esac
`;

export class FakeTool implements AsyncDisposable {
  readonly directory: string;
  readonly #path: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.#path = Deno.env.get("PATH") ?? "";
    Deno.env.set("PATH", `${directory}:${this.#path}`);
  }

  /** `script` is the own part: it finds its folder in $dir, and its first word that is no option in $verb. */
  static async create(name: string, script: string): Promise<FakeTool> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloudmount-tool-" }));
    await Deno.writeTextFile(`${directory}/${name}`, PRELUDE + script, { mode: 0o755 });
    return new FakeTool(directory);
  }

  /** The next answers to `verb`. */
  async answer(verb: string, ...answers: readonly string[]): Promise<void> {
    await Deno.writeTextFile(`${this.directory}/answers-${verb}`, answers.join("\n") + "\n");
  }

  /** The words of each call since the last time. */
  async calls(): Promise<string[]> {
    const path = `${this.directory}/calls`;
    const text = await Deno.readTextFile(path).catch(() => "");
    await Deno.writeTextFile(path, "");
    return text.split("\n").filter((line) => line !== "");
  }

  /** Whether the script has made a file of this name in its folder. */
  async has(name: string): Promise<boolean> {
    return await Deno.stat(`${this.directory}/${name}`).then(() => true, () => false);
  }

  async put(name: string, text = ""): Promise<void> {
    await Deno.writeTextFile(`${this.directory}/${name}`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.env.set("PATH", this.#path);
    await Deno.remove(this.directory, { recursive: true });
  }
}
