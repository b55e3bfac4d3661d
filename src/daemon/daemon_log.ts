/** The daemon's log and error reports as the config wants them, which may change. */
import { logger } from "../base/log.ts";
import type { DaemonConfig } from "../config/types.ts";
import { type ErrorReports, openErrorReports } from "./error_reports.ts";
import { startLogging, stopLogging } from "./logging.ts";

const log = logger("daemon", "log");

export interface DaemonLogOptions {
  readonly stateDir: string;
  readonly version: string;
  /** Gets log lines as text, if a person watches. */
  readonly writeText: ((text: string) => void) | undefined;
}

type LogConfig = Pick<DaemonConfig, "logLevel" | "sentryDsn">;

export class DaemonLog {
  readonly #options: DaemonLogOptions;
  #inUse: LogConfig | undefined;
  #reports: ErrorReports | undefined;

  constructor(options: DaemonLogOptions) {
    this.#options = options;
  }

  /** Begins, or goes on with other settings. */
  async goBy({ logLevel, sentryDsn }: LogConfig): Promise<void> {
    const inUse = this.#inUse;
    if (inUse?.logLevel === logLevel && inUse.sentryDsn === sentryDsn) return;
    const { stateDir, version, writeText } = this.#options;
    const old = this.#reports;
    const isSame = inUse?.sentryDsn === sentryDsn;
    let failure: unknown;
    if (!isSame) {
      this.#reports = undefined;
      try {
        if (sentryDsn !== undefined) this.#reports = await openErrorReports(sentryDsn, version);
      } catch (error) {
        failure = error;
      }
    }
    await startLogging(stateDir, logLevel, writeText, this.#reports?.sink);
    this.#inUse = { logLevel, ...(sentryDsn === undefined ? {} : { sentryDsn }) };
    if (failure !== undefined) log.warn("Cannot report errors: {error}", { error: failure });
    if (!isSame) await old?.close();
  }

  /** Writes out what is buffered and ends. */
  async close(): Promise<void> {
    await stopLogging();
    await this.#reports?.close();
  }
}
