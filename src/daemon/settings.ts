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
  /** One change at a time; none is called off when who asked for it goes away. */
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
    return this.#inTurn(signal, async () => await this.#apply(await this.#read()));
  }

  /** Reloads if the text is another one than the last time. Never rejects: what is wrong is logged and in the status. */
  async reloadIfChanged(): Promise<void> {
    try {
      await this.#turns.run("config", async () => {
        const seen = this.#seen;
        const current = await this.#read();
        if (current.text !== seen) await this.#apply(current);
      });
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

  removeMount(id: string, options: DrainOptions, signal: AbortSignal): Promise<MountStatus> {
    return this.#inTurn(signal, async () => {
      const current = await this.#read();
      const edit = this.#plan(() => planRemove(this.#file, current, id));
      // Known as long as a config that lists it is in use.
      const wasUp = this.#supervisor.mount(id).state !== "stopped";
      await this.#supervisor.stopMount(id, options, signal);
      const status = this.#supervisor.mount(id);
      try {
        await this.#write(current, edit);
      } catch (error) {
        if (wasUp) await this.#supervisor.startMount(id, signal);
        throw error;
      }
      await this.#apply(edit);
      return status;
    });
  }

  #edit(signal: AbortSignal, plan: (current: ConfigText) => PlannedEdit): Promise<MountStatus> {
    return this.#inTurn(signal, async () => {
      const current = await this.#read();
      const edit = this.#plan(() => plan(current));
      await this.#write(current, edit);
      const { not_applied } = await this.#apply(edit);
      const status = this.#supervisor.mount(edit.name);
      const failure = not_applied.find(({ name }) => name === edit.name);
      if (failure === undefined || status.state === "failed") return status;
      throw new ProblemError({
        title: "Saved, but not applied yet",
        status: 409,
        detail: `The config file is changed, but not the mount: ${failure.message}`,
        hint: `Apply it with: cloudmount unmount ${edit.name}; cloudmount mount ${edit.name}`,
      });
    });
  }

  async #write(current: ConfigText, edit: PlannedEdit): Promise<void> {
    await this.#file.replace(current, edit.text);
    // Before a watch sees it.
    this.#seen = edit.text;
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

  async #apply({ config }: ConfigText): Promise<ReloadDocument> {
    const result = await this.#supervisor.apply(config);
    await this.#onApplied(config);
    const touched = [...result.added, ...result.changed, ...result.removed].length > 0;
    log.info(touched ? "Applied the config: {result}" : "Read the config again: {result}", {
      result: JSON.stringify(result),
    });
    return result;
  }

  #plan(plan: () => PlannedEdit): PlannedEdit {
    try {
      return plan();
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

  /** Goes on when `signal` fires; only the wait for it ends. */
  #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return untilAborted(this.#turns.run("config", work), signal);
  }
}
