/** An option for each setting of a mount, by the schema: `--mount-point P`, `--read-only`. */
import { object } from "@optique/core/constructs";
import { text } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import type { Parser } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import type { TomlValue } from "../../config/edit_text.ts";
import { valueFromText } from "../../config/mount_edits.ts";
import { fieldsOf } from "../../config/read_table.ts";
import { MOUNT_KEYS } from "../../config/schema.ts";

/** Settings under the keys of the config file, as far as they were given. */
export type GivenSettings = Readonly<Record<string, TomlValue>>;

/** `home` comes later, with the environment. */
export function mountOptions(): Parser<"sync", (home: string | undefined) => GivenSettings> {
  const options: Record<string, Parser<"sync", string | undefined>> = {};
  for (const field of fieldsOf(MOUNT_KEYS)) {
    const row = MOUNT_KEYS[field];
    const name = `--${row.key.replaceAll("_", "-")}` as const;
    const description = [text(row.doc)];
    options[row.key] = row.default === false
      ? map(option(name, { description }), (given) => given ? "true" : undefined)
      : optional(option(name, string({ metavar: "VALUE" }), { description }));
  }
  return map(object("Settings of the mount", options), (given) => (home) =>
    Object.fromEntries(
      Object.entries(given).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, valueFromText(key, value, home)]]
      ),
    ));
}
