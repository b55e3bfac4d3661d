/** Programs that use a mount while its daemon is killed. See load.py. */
import { fileURLToPath } from "node:url";
import { Dialogue } from "../support/dialogue.ts";

const SCRIPT = fileURLToPath(new URL("./load.py", import.meta.url));

/** How a program has ended. */
export interface Ended {
  readonly name: string;
  readonly code: number;
  readonly said: string;
}

export class Load {
  readonly #folder: string;
  readonly #stopFile: string;
  readonly #running: { readonly name: string; readonly ended: Promise<Ended> }[] = [];

  /** `stopFile`: where everybody looks whether it is over; not in the mount. */
  constructor(folder: string, stopFile: string) {
    this.#folder = folder;
    this.#stopFile = stopFile;
  }

  /** Starts a role of load.py. */
  start(role: string, ...args: readonly string[]): void {
    this.startShell(role, `exec python3 "$@"`, SCRIPT, role, this.#folder, this.#stopFile, ...args);
  }

  /** dd writes the pattern to a file. */
  startDd(file: string): void {
    const script = 'python3 "$1" generate - "$2" | dd of="$3" bs=64k iflag=fullblock status=none';
    this.startShell("dd", script, SCRIPT, this.#stopFile, file);
  }

  /** Starts a script of the shell; `args` are its "$1" and so on. */
  startShell(name: string, script: string, ...args: readonly string[]): void {
    const child = new Deno.Command("bash", {
      args: ["-c", `set -o pipefail; ${script}`, "bash", ...args],
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const ended = child.output().then(({ code, stdout, stderr }) => {
      const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
      return { name, code, said };
    });
    this.#running.push({ name, ended });
  }

  /** Tells all to end, and resolves when they have, in order or not. */
  async stop(): Promise<Ended[]> {
    await Deno.writeTextFile(this.#stopFile, "");
    return await Promise.all(this.#running.map(({ ended }) => ended));
  }
}

/** Asks the mount something that only its daemon can answer. */
export class Probe implements AsyncDisposable {
  readonly #script: Dialogue;

  constructor(folder: string) {
    this.#script = new Dialogue("python3", [SCRIPT, "probe", folder, "-"]);
  }

  /** How long the answer took, in milliseconds. */
  async ask(): Promise<number> {
    const line = await this.#script.ask("?");
    if (!/^[0-9.]+$/.test(line)) throw new Error(`The probe says: ${line}`);
    return Number(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script[Symbol.asyncDispose]();
  }
}
