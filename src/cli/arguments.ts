/** Kinds of option values and arguments that several commands take. */
import { message } from "@optique/core/message";
import type { ValueParser } from "@optique/core/valueparser";
import { formatDuration, parseDurationMs } from "../base/units.ts";

/** A duration such as "60s", as milliseconds. */
export function duration(): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar: "DURATION",
    placeholder: 0,
    parse(input) {
      const ms = parseDurationMs(input);
      if (ms !== undefined) return { success: true, value: ms };
      return {
        success: false,
        error: message`${input} is not a duration: write a number and ms, s, m, h or d, like 60s.`,
      };
    },
    format: (ms) => formatDuration(ms),
  };
}

/** The path of a file or directory, which the shell completes; not checked. */
export function path(metavar: "FILE" | "DIR"): ValueParser<"sync", string> {
  return {
    mode: "sync",
    metavar,
    placeholder: "",
    parse(input) {
      if (input !== "") return { success: true, value: input };
      return { success: false, error: message`The path is empty.` };
    },
    format: (value) => value,
    *suggest(prefix) {
      const type = metavar === "DIR" ? "directory" : "any";
      yield { kind: "file", type, pattern: prefix, includeHidden: false };
    },
  };
}

/** The name of a profile of credentials. */
export function profileName(): ValueParser<"sync", string> {
  return nonEmpty("PROFILE", message`The name of a profile is empty.`);
}

/** The name of a mount, as in the config file; whether it exists is the action's question. */
export function mountName(): ValueParser<"sync", string> {
  return nonEmpty("NAME", message`The name of a mount is empty.`);
}

function nonEmpty(
  metavar: "NAME" | "PROFILE",
  error: ReturnType<typeof message>,
): ValueParser<"sync", string> {
  return {
    mode: "sync",
    metavar,
    placeholder: "",
    parse: (input) => input === "" ? { success: false, error } : { success: true, value: input },
    format: (value) => value,
  };
}
