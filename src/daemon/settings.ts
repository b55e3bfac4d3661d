/**
 * The config file of a daemon that runs: read again when asked to or when it has changed, and edited. A
 * file with errors changes nothing; the daemon goes on as it is, and its status tells what is wrong.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { KeyedMutex } from "../base/keyed_mutex.ts";
import { logger } from "../base/log.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { ConfigError } from "../config/config_error.ts";
import type { ConfigFile, ConfigText } from "../config/config_file.ts";
import {
  MountEditError,
  planAdd,
  planChange,
  type PlannedEdit,
  planRemove,
} from "../config/mount_edits.ts";
import type { Config } from "../config/types.ts";
import {
  type DrainOptions,
  type MountSettings,
  type MountStatus,
  ProblemError,
  type ReloadDocument,
  type SettingsService,
} from "../control/protocol.ts";
import type { Applied } from "./mount_roster.ts";
import type { Supervisor } from "./supervisor.ts";

const log = logger("daemon", "config");

export interface SettingsOptions {
  readonly file: ConfigFile;
  /** What the daemon has started with. */
  readonly loaded: ConfigText;
  readonly supervisor: Supervisor;
  /** Goes by what no mount knows of: the log level. */
  readonly onApplied: (config: Config) => Promise<void>;
  readonly clock?: Clock;
}

export class Settings implements SettingsService {
  readonly #file: ConfigFile;
  readonly #supervisor: Supervisor;
  readonly #onApplied: (config: Config) => Promise<void>;
  readonly #clock: Clock;
  readonly #turns = new KeyedMutex<"config">();
  /** What was looked at last, whether it could be used or not. */
  #seen: string | undefined;

  constructor({ file, loaded, supervisor, onApplied, clock = systemClock }: SettingsOptions) {
    this.#file = file;
    this.#seen = loaded.text;
    this.#supervisor = supervisor;
    this.#onApplied = onApplied;
    this.#clock = clock;
  }

  reload(signal: AbortSignal): Promise<ReloadDocument> {
    return untilAborted(this.#reload(() => true), signal).then((result) => result!);
  }

  /** Reloads if the text is another one than the last time. Never rejects: what is wrong is logged and in the status. */
  async reloadIfChanged(): Promise<void> {
    const seen = this.#seen;
    try {
      await this.#reload(({ text }) => text !== seen);
    } catch (error) {
      // A file that cannot be used was told of when it was read.
      if (!(error instanceof ProblemError)) log.error("Cannot reload: {error}", { error });
    }
  }

  addMount(settings: MountSettings, signal: AbortSignal): Promise<MountStatus> {
    return this.#edit(signal, (current) => planAdd(this.#file, current, settings));
  }

  changeMount(id: string, settings: MountSettings, signal: AbortSignal): Promise<MountStatus> {
    return this.#edit(signal, (current) => planChange(this.#file, current, id, settings));
  }

  async removeMount(
    id: string,
    options: DrainOptions,
    signal: AbortSignal,
  ): Promise<MountStatus> {
    const plan = (current: ConfigText) => planRemove(this.#file, current, id);
    await this.#inTurn(async () => void this.#plan(plan, await this.#read()));
    const wasUp = this.#supervisor.mount(id).state !== "stopped";
    await this.#supervisor.stopMount(id, options, signal);
    const status = this.#supervisor.mount(id);
    try {
      const { applied } = await this.#write(plan);
      await outcomeOf(id, applied, signal);
    } catch (error) {
      if (wasUp && !signal.aborted) await this.#supervisor.startMount(id, signal);
      throw error;
    }
    return status;
  }

  async #reload(isWanted: (current: ConfigText) => boolean): Promise<ReloadDocument | undefined> {
    const applied = await this.#inTurn(async () => {
      const current = await this.#read();
      return isWanted(current) ? await this.#apply(current) : undefined;
    });
    const result = await applied?.done;
    if (result !== undefined) {
      log.info("Read the config again: {result}", { result: JSON.stringify(result) });
    }
    return result;
  }

  async #edit(
    signal: AbortSignal,
    plan: (current: ConfigText) => PlannedEdit,
  ): Promise<MountStatus> {
    // Goes on when the signal fires; only the wait for it ends.
    const { name, applied } = await untilAborted(this.#write(plan), signal);
    const failure = await outcomeOf(name, applied, signal);
    const status = this.#supervisor.mount(name);
    if (failure === undefined || status.state === "failed") return status;
    throw new ProblemError({
      title: "Saved, but not applied yet",
      status: 409,
      detail: `The config file is changed, but not the mount: ${failure}`,
      hint: `Apply it with: cloudmount unmount ${name}; cloudmount mount ${name}`,
    });
  }

  /** Edits the file and begins to go by it. */
  #write(plan: (current: ConfigText) => PlannedEdit): Promise<{ name: string; applied: Applied }> {
    return this.#inTurn(async () => {
      const current = await this.#read();
      const edit = this.#plan(plan, current);
      await this.#file.replace(current, edit.text);
      // Before a watch sees it.
      this.#seen = edit.text;
      log.info("Changed the settings of {name}", { name: edit.name });
      return { name: edit.name, applied: await this.#apply(edit) };
    });
  }

  /** Throws a 422 `ProblemError` when the file has errors, which the status then tells. */
  async #read(): Promise<ConfigText> {
    try {
      const current = await this.#file.read();
      this.#supervisor.configError = null;
      this.#seen = current.text;
      return current;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#seen = undefined;
      this.#supervisor.configError = {
        message: `The config file has errors: the daemon goes on as before. ${error.message}`,
        hint: "See: cloudmount config check",
        since: this.#supervisor.configError?.since ?? new Date(this.#clock.nowMs()).toISOString(),
      };
      log.error("Cannot use the config file; the daemon goes on as it is: {error}", {
        error: error.message,
      });
      throw new ProblemError({
        title: "The config file has errors",
        status: 422,
        detail: `Cannot use the config file:\n${error.message}`,
        hint: "The daemon goes on as before. Mend the file, then: cloudmount config check",
        errors: error.problems.map(({ key, ...problem }) => ({ field: key, ...problem })),
      }, { cause: error });
    }
  }

  async #apply({ config }: ConfigText): Promise<Applied> {
    await this.#onApplied(config);
    return await this.#supervisor.apply(config);
  }

  #plan(plan: (current: ConfigText) => PlannedEdit, current: ConfigText): PlannedEdit {
    try {
      return plan(current);
    } catch (error) {
      if (!(error instanceof MountEditError)) throw error;
      const { kind, message, errors } = error;
      const status = { taken: 409, unknown: 404, invalid: 422 }[kind];
      const title = { taken: "Already taken", unknown: "No such mount", invalid: "Wrong settings" };
      throw new ProblemError({ title: title[kind], status, detail: message, errors }, {
        cause: error,
      });
    }
  }

  /** One at a time reads, edits and hands the config on; what that begins takes longer. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run("config", work);
  }
}

/** Why one mount does not go by the config, if so; that of others is not waited for. */
async function outcomeOf(
  name: string,
  { outcomes }: Applied,
  signal: AbortSignal,
): Promise<string | undefined> {
  const outcome = outcomes.get(name);
  return outcome === undefined ? undefined : await untilAborted(outcome, signal);
}
