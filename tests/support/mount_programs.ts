/** Programs that use a mount, each as a child process that is awaited. */

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Where the program stands; this process does not go there itself, which would block it in a mount. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Killed after so long; default 60 s. */
  readonly seconds?: number;
}

/** The exit code with which timeout(1) tells that it killed the program. */
const KILLED = 137;

/** Runs a program to its end, whatever its exit code. Throws when it took too long. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, stdin, seconds = 60 }: ProgramOptions = {},
): Promise<Finished> {
  const child = new Deno.Command("timeout", {
    args: [
      ...["-s", "KILL", String(seconds)],
      ...(cwd === undefined ? [] : ["env", "-C", cwd]),
      program,
      ...args,
    ],
    env: { LC_ALL: "C.UTF-8", ...env },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const { code } = await child.status;
  if (code === KILLED) {
    // Who waits for a mount's answer cannot be killed, and holds its pipes until the mount is gone.
    for (const pipe of [stdout, stderr]) await pipe.stop();
    throw new Error(
      `"${[program, ...args].join(" ").slice(0, 500)}" did not end in ${seconds} s: ` +
        `${await stdout.text}${await stderr.text}`.slice(-2000),
    );
  }
  return { code, stdout: await stdout.text, stderr: await stderr.text };
}

/** Reads a pipe to its end, or until `stop`. */
function collect(pipe: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const reader = pipe.getReader();
  const read = async () => {
    const decoder = new TextDecoder();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
    }
    return text;
  };
  return { text: read(), stop: () => reader.cancel() };
}

/** Runs a program that must succeed, and returns what it printed. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) {
    const said = `${stderr}${stdout}`.slice(-4000);
    throw new Error(`"${program} ${args.join(" ")}" ended with ${code}: ${said}`);
  }
  return stdout;
}

/** Runs a shell script that must succeed; `$M` is `folder`, where it also starts. */
export function sh(folder: string, script: string, options: ProgramOptions = {}): Promise<string> {
  return succeed("sh", ["-euc", script], {
    cwd: folder,
    ...options,
    env: { M: folder, ...options.env },
  });
}

/** Runs a Python program that must succeed, with `args` in `sys.argv[1:]`. */
export function python(
  source: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  return succeed("python3", ["-c", source, ...args], options);
}

/** A Python program that makes a tree of small files: root, how many, seed of their contents. */
export const MAKE_TREE = `
import os, random, sys
root, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
for i in range(count):
    folder = os.path.join(root, f"folder {i % 7}", f"sub{i % 11}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"file-{i:04}.txt"), "wb") as file:
        file.write(random.randbytes(random.randrange(0, 3000)))
`;

/** The first of `programs` that is on PATH. */
export function firstProgram(programs: readonly string[]): string | undefined {
  return programs.find((program) => missingPrograms([program]).length === 0);
}

/** Those of `programs` that are not on PATH. */
export function missingPrograms(programs: readonly string[]): string[] {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return programs.filter((program) => !folders.some((folder) => isFile(`${folder}/${program}`)));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A line for whoever reads the test's output. */
export async function printNote(text: string): Promise<void> {
  await Deno.stderr.write(new TextEncoder().encode(`${text}\n`));
}

/** SHA-256 of a file, by sha256sum, so that a large one is not read into this process. */
export async function sha256OfFile(path: string, seconds = 60): Promise<string> {
  return (await succeed("sha256sum", ["--", path], { seconds })).replace(/^\\/, "").slice(0, 64);
}

/**
 * Repeats `check` until it is true, 50 ms apart. For what comes by itself, such as a listing whose time
 * to live ends; throws after `seconds`.
 */
export async function eventually(
  what: string,
  check: () => Promise<boolean>,
  seconds = 15,
): Promise<void> {
  const giveUpMs = performance.now() + seconds * 1000;
  while (!await check()) {
    if (performance.now() > giveUpMs) throw new Error(`It did not happen in ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs `work` for each item, so many at a time. */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
