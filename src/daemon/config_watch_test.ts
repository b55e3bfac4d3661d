import { giveWay, systemClock } from "../base/clock.ts";
import { watchConfigFile } from "./config_watch.ts";

/** A watched file; `change` resolves when the watch has told of what it did. */
async function withWatch(
  path: (directory: string) => string,
  body: (
    directory: string,
    change: (how: () => Promise<void>) => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/real`);
  await Deno.writeTextFile(`${directory}/real/one.toml`, "1");
  await Deno.writeTextFile(`${directory}/real/two.toml`, "2");
  await Deno.symlink("real/one.toml", `${directory}/link.toml`);
  const end = new AbortController();
  let told = Promise.withResolvers<void>();
  const watching = watchConfigFile(
    path(directory),
    () => {
      told.resolve();
      return Promise.resolve();
    },
    systemClock,
    end.signal,
  );
  try {
    await told.promise;
    await body(directory, async (how) => {
      told = Promise.withResolvers<void>();
      await how();
      await told.promise;
    });
  } finally {
    end.abort();
    await watching;
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("A config file is watched through writes, renames, removal and return", async () => {
  await withWatch((directory) => `${directory}/real/one.toml`, async (directory, change) => {
    const path = `${directory}/real/one.toml`;
    await change(() => Deno.writeTextFile(path, "11"));
    await change(async () => {
      await Deno.writeTextFile(`${path}.new`, "12");
      await Deno.rename(`${path}.new`, path);
    });
    await change(() => Deno.remove(path));
    await change(() => Deno.writeTextFile(path, "13"));
  });
});

Deno.test("A config file behind a link is watched, and so is the link", async () => {
  await withWatch((directory) => `${directory}/link.toml`, async (directory, change) => {
    await change(() => Deno.writeTextFile(`${directory}/real/one.toml`, "11"));
    await change(async () => {
      await Deno.symlink("real/two.toml", `${directory}/new`);
      await Deno.rename(`${directory}/new`, `${directory}/link.toml`);
    });
    await change(() => Deno.writeTextFile(`${directory}/real/two.toml`, "22"));
  });
});

Deno.test("Watching a config file ends at any moment", async () => {
  const path = await Deno.makeTempFile();
  for (let turns = 0; turns < 40; turns++) {
    const end = new AbortController();
    const watching = watchConfigFile(path, () => Promise.resolve(), systemClock, end.signal);
    for (let turn = 0; turn < turns; turn++) await giveWay();
    end.abort();
    await watching;
  }
  await Deno.remove(path);
});
