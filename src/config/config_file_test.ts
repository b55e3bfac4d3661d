import assert from "node:assert/strict";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import { ConfigFile } from "./config_file.ts";

async function withFile(
  body: (file: ConfigFile, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const environment = pathEnvironment(directory);
    await body(new ConfigFile(`${directory}/conf/cloudmount.toml`, environment), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const modeOf = async (path: string) => (await Deno.stat(path)).mode! & 0o777;

Deno.test("ConfigFile makes a file that is missing, for its owner only", async () => {
  await withFile(async (file) => {
    const empty = await file.readOrEmpty();
    await file.replace(empty, "# hi\n");
    assert.equal(await Deno.readTextFile(file.path), "# hi\n");
    assert.equal(await modeOf(file.path), 0o600);
  });
});

Deno.test("ConfigFile replaces the file behind a link as a whole, and keeps its mode", async () => {
  await withFile(async (file, directory) => {
    await Deno.mkdir(`${directory}/conf`);
    await Deno.mkdir(`${directory}/dotfiles`);
    const real = `${directory}/dotfiles/c.toml`;
    await Deno.writeTextFile(real, "# one\n");
    await Deno.chmod(real, 0o640);
    await Deno.symlink("../dotfiles/c.toml", file.path);
    const inode = (await Deno.stat(real)).ino;
    await file.replace(await file.read(), "# two\n");
    assert.equal(await Deno.readTextFile(real), "# two\n");
    assert.ok((await Deno.lstat(file.path)).isSymlink);
    assert.equal(await modeOf(real), 0o640);
    assert.notEqual((await Deno.stat(real)).ino, inode);
    const names = [...Deno.readDirSync(`${directory}/dotfiles`)].map(({ name }) => name);
    assert.deepEqual(names, ["c.toml"]);
  });
});

Deno.test("ConfigFile does not write over what somebody else has written meanwhile", async () => {
  await withFile(async (file) => {
    await file.replace(await file.readOrEmpty(), "# one\n");
    const before = await file.read();
    await Deno.writeTextFile(file.path, "# theirs\n");
    await assert.rejects(file.replace(before, "# mine\n"), /changed by somebody else/);
    assert.equal(await Deno.readTextFile(file.path), "# theirs\n");
  });
});
