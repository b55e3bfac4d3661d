/** Runs `use` with an empty directory, its path without symbolic links, which is removed afterwards. */
export async function withDirectory(
  use: (directory: string) => void | Promise<void>,
): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloudmount-test-" }));
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
