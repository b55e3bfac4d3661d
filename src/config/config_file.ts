/** The config file as something that is edited: whole files only, in the place of the old one. */
import { dirname } from "node:path";
import { ifThere } from "../base/if_there.ts";
import { messageOf } from "../base/message_of.ts";
import { parseConfig } from "./parse.ts";
import type { PathEnvironment } from "./paths.ts";
import { readConfigText } from "./read_config.ts";
import type { Config } from "./types.ts";

/** A text of the file, and what it says. */
export interface ConfigText {
  readonly text: string;
  readonly config: Config;
}

export class ConfigFile {
  readonly path: string;
  readonly #environment: PathEnvironment;

  constructor(path: string, environment: PathEnvironment) {
    this.path = path;
    this.#environment = environment;
  }

  /** For "~" in paths. */
  get home(): string | undefined {
    return this.#environment.home;
  }

  /** Throws a `ConfigError`. */
  async read(): Promise<ConfigText> {
    const text = await readConfigText(this.path);
    return { text, config: this.parse(text) };
  }

  /** As `read`, where a file that is missing stands for an empty one. */
  async readOrEmpty(): Promise<ConfigText> {
    if (await ifThere(Deno.realPath(this.path)) !== undefined) return await this.read();
    return { text: "", config: this.parse("") };
  }

  /** What the file would say with this text; throws a `ConfigError`. */
  parse(text: string): Config {
    return parseConfig(text, this.path, this.#environment);
  }

  /**
   * Puts `text` in the place of the text that the edit began with, as a whole or not at all, also over a
   * loss of power. Links are followed; the file keeps its mode and owner. Throws when it was changed by
   * somebody else meanwhile.
   */
  async replace(before: ConfigText, text: string): Promise<void> {
    const found = await ifThere(Deno.realPath(this.path));
    const target = found ?? this.path;
    try {
      const now = found === undefined ? "" : await readConfigText(target);
      if (now !== before.text) throw new Error("it was changed by somebody else meanwhile");
      if (found === undefined) {
        await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
      }
      await writeWhole(target, text);
    } catch (error) {
      const reason = messageOf(error);
      throw new Error(`Cannot edit ${target}: ${reason}`, { cause: error });
    }
  }
}

async function writeWhole(target: string, text: string): Promise<void> {
  const temporary = `${target}.${crypto.randomUUID()}.new`;
  const old = await Deno.stat(target).catch(() => undefined);
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    await file.write(new TextEncoder().encode(text));
    if (old !== undefined) {
      await Deno.chmod(temporary, old.mode! & 0o7777);
      if (old.uid !== Deno.uid() || old.gid !== Deno.gid()) {
        await Deno.chown(temporary, old.uid, old.gid);
      }
    }
    await file.sync();
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  using directory = await Deno.open(dirname(target), { read: true });
  await directory.sync();
}
