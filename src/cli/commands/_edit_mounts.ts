/** `mounts add`, `remove` and `set`: by the daemon if one runs, which applies them at once, else by hand. */
import { object } from "@optique/core/constructs";
import { message, text } from "@optique/core/message";
import { map, multiple } from "@optique/core/modifiers";
import { argument, command as subcommand, option } from "@optique/core/primitives";
import type { ValueParser } from "@optique/core/valueparser";
import { ConfigFile, type ConfigText } from "../../config/config_file.ts";
import type { TomlValue } from "../../config/edit_text.ts";
import {
  MountEditError,
  planAdd,
  planChange,
  type PlannedEdit,
  planRemove,
  valueFromText,
} from "../../config/mount_edits.ts";
import { normalizePath } from "../../config/paths.ts";
import { fieldsOf } from "../../config/read_table.ts";
import { MOUNT_KEYS } from "../../config/schema.ts";
import { ControlClient, NoDaemonError } from "../../control/client.ts";
import type { MountStatus } from "../../control/protocol.ts";
import { mountName } from "../arguments.ts";
import type { Action, CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";
import type { Environment } from "../environment.ts";
import { EXIT, type ExitCode } from "../exit_codes.ts";
import { configPathOf } from "../load_config.ts";
import { describeTrouble, leftOfMount, toCommandError } from "./_control.ts";
import { drainFlags } from "./_drain_flags.ts";
import { type GivenSettings, mountOptions } from "./_mount_options.ts";

const name = argument(mountName(), { description: message`A mount of the config.` });

export const add = subcommand(
  "add",
  map(mountOptions(), (given): Action => (context) => {
    const settings = withAbsolutePath(given(context.environment.home), context.environment);
    return edit(context, {
      byDaemon: (client) => client.addMount(settings, context.signal),
      byHand: (file, current) => planAdd(file, current, settings),
      done: (name, mount) =>
        mount === undefined ? `Added ${name}` : `Added ${name}: ${stateText(mount)}`,
    });
  }),
  { brief: message`Writes another mount into the config file, and mounts it.` },
);

export const set = subcommand(
  "set",
  map(
    object({
      name,
      given: multiple(
        argument(setting(), { description: message`KEY= gives the default back.` }),
        { min: 1 },
      ),
    }),
    ({ name, given }): Action => (context) => {
      const { environment, signal } = context;
      const settings: Record<string, TomlValue | null> = {};
      for (const [key, value] of given) {
        settings[key] = value === "" ? null : valueFromText(key, value, environment.home);
      }
      const changes = withAbsolutePath(settings, environment);
      return edit(context, {
        byDaemon: (client) => client.changeMount(name, changes, signal),
        byHand: (file, current) => planChange(file, current, name, changes),
        done: (name, mount) =>
          mount === undefined ? `Changed ${name}` : `Changed ${name}: ${stateText(mount)}`,
      });
    },
  ),
  { brief: message`Changes settings of a mount in the config file, and applies them.` },
);

export const remove = subcommand(
  "remove",
  map(
    object({
      name,
      ...drainFlags,
      f: option("-f", { description: message`The same as --force.` }),
    }),
    ({ name, timeoutMs, force, f }): Action => (context) =>
      edit(context, {
        byDaemon: (client) =>
          client.removeMount(name, { timeoutMs, force: force || f }, context.signal),
        byHand: (file, current) => planRemove(file, current, name),
        done: (name, mount) =>
          `Removed ${name}${
            mount === undefined ? "" : leftOfMount(mount, "when it is added again")
          }`,
      }),
  ),
  { brief: message`Finishes uploads, unmounts, and takes a mount out of the config file.` },
);

interface Edit {
  readonly byDaemon: (client: ControlClient) => Promise<MountStatus>;
  readonly byHand: (file: ConfigFile, current: ConfigText) => PlannedEdit;
  /** Says what was done; without a status no daemon runs. */
  readonly done: (name: string, mount: MountStatus | undefined) => string;
}

async function edit(context: CommandContext, { byDaemon, byHand, done }: Edit): Promise<ExitCode> {
  const { output, environment } = context;
  const file = new ConfigFile(configPathOf(context), environment);
  const current = await file.readOrEmpty();
  using client = new ControlClient(current.config.daemon.socket);
  try {
    const mount = await byDaemon(client);
    output.show({ name: mount.name, applied: true, mount }, () => done(mount.name, mount));
    if (mount.error !== null) output.warning(`${mount.name}: ${describeTrouble(mount.error)}`);
    return mount.state === "failed" ? EXIT.failed : EXIT.done;
  } catch (error) {
    if (!(error instanceof NoDaemonError)) throw toCommandError(error);
  }
  const planned = plan(() => byHand(file, current));
  await file.replace(current, planned.text);
  output.show(
    { name: planned.name, applied: false, mount: null },
    () => `${done(planned.name, undefined)} in ${file.path}; no daemon runs: cloudmount start`,
  );
  return EXIT.done;
}

function plan(work: () => PlannedEdit): PlannedEdit {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof MountEditError)) throw error;
    throw new CommandError(error.message, { cause: error });
  }
}

function stateText({ state, mount_point }: MountStatus): string {
  return state === "mounted" || state === "degraded" ? `mounted at ${mount_point}` : state;
}

/** A relative mount point starts where the command was typed. */
function withAbsolutePath<T extends GivenSettings | Readonly<Record<string, TomlValue | null>>>(
  settings: T,
  { workingDirectory }: Environment,
): T {
  const place = settings["mount_point"];
  if (typeof place !== "string" || /^[/~]/.test(place)) return settings;
  return { ...settings, mount_point: normalizePath(`${workingDirectory}/${place}`) };
}

/** KEY=VALUE, split at the first "=". */
function setting(): ValueParser<"sync", readonly [key: string, value: string]> {
  return {
    mode: "sync",
    metavar: "KEY=VALUE",
    placeholder: ["", ""],
    parse(input) {
      const at = input.indexOf("=");
      if (at > 0) return { success: true, value: [input.slice(0, at), input.slice(at + 1)] };
      return { success: false, error: message`${input} is not KEY=VALUE, like read_only=true.` };
    },
    format: ([key, value]) => `${key}=${value}`,
    *suggest(prefix) {
      for (const field of fieldsOf(MOUNT_KEYS)) {
        const { key, doc } = MOUNT_KEYS[field];
        if (!key.startsWith(prefix)) continue;
        yield { kind: "literal", text: `${key}=`, description: [text(doc)] };
      }
    },
  };
}
