/** Small file systems, to be filled. */
import assert from "node:assert/strict";
import { withDirectory } from "./temp_directory.ts";

export interface SmallDisk {
  readonly directory: string;
  /** Changes an option of mount(8). */
  remount(option: string): Promise<void>;
}

/** A test with a file system of its own of `bytes`; without root on Linux it is skipped and says so. */
export function smallDiskTest(
  name: string,
  bytes: number,
  use: (disk: SmallDisk) => void | Promise<void>,
): void {
  const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;
  if (ignore) {
    const reason = "only root on Linux can mount a small disk";
    Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${name}: ${reason}\n`));
  }
  const fn = () =>
    withDirectory(async (directory) => {
      await succeed("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "none", directory);
      try {
        const remount = (option: string) => succeed("mount", "-o", `remount,${option}`, directory);
        await use({ directory, remount });
      } finally {
        await succeed("umount", "-l", directory);
      }
    });
  Deno.test({ name, ignore, fn });
}

async function succeed(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
