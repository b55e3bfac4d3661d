/**
 * The journal: what this machine has promised and S3 does not have yet, durable on disk.
 *
 * A commit costs a sync of the disk, 5 to 30 ms on a laptop, so it runs in a worker. While the worker is
 * busy with a request, commits queue up here; all of them then go as one transaction, which costs one
 * sync for all callers. There is no timer: a lone commit goes at once.
 */
import { Semaphore } from "../base/semaphore.ts";
import { type JournalCount, OWN_VOLUME, WHOLE } from "./connection.ts";
import type { JournalPlaces, RowChange, RowCommit } from "./journal_database.ts";
import { JournalError } from "./journal_error.ts";
import { JournalChannel } from "./journal_channel.ts";
import type { JournalAnswer, JournalFailure } from "./journal_messages.ts";

/** One stored fact about a volume. `value` is JSON. (volume, kind, key) is unique. */
export interface JournalEntry {
  readonly kind: string;
  readonly key: string;
  readonly value: unknown;
}

export type JournalOp =
  | { readonly put: JournalEntry }
  | { readonly delete: { readonly kind: string; readonly key: string } };

/** All changes of one volume (one bucket and prefix). */
export interface VolumeJournal {
  /**
   * Everything stored, in the order of insertion: the first put of a key keeps its place until the key is
   * deleted. Rejects with `JournalError`.
   */
  load(): Promise<JournalEntry[]>;
  /**
   * Applies `ops` atomically, in the order of the calls; resolves when they are durable. Values are taken
   * as they are at the call. Rejects with `JournalError` when the disk is full or broken: nothing of this
   * commit is then stored, and later ones may still succeed. On a full disk only what `makesRoom` is
   * taken: commits that let staged files go. Those that only delete do so by themselves.
   */
  commit(ops: readonly JournalOp[], options?: { readonly makesRoom: boolean }): Promise<void>;
}

/** Commits that wait or are being stored; who comes then waits for its turn before it joins them. */
const QUEUE_MAX = 1024;

const NEVER = new AbortController().signal;

interface QueuedCommit {
  readonly commit: RowCommit;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One for all mounts. Between awaits: while nothing is queued or sent, `#isSending` is false. */
export class Journal {
  /** What was set aside, now or earlier, and is still there: what and where, for people. */
  readonly problems: readonly string[];
  readonly #channel: JournalChannel;
  readonly #whole: Set<string>;
  readonly #slots = new Semaphore(QUEUE_MAX);
  #queue: QueuedCommit[] = [];
  #isSending = false;

  /** Opens or makes journal.db in `directory`. Rejects with `JournalError`. */
  static async open(options: JournalPlaces): Promise<Journal> {
    const channel = new JournalChannel(options.directory);
    try {
      const answer = await channel.ask({ open: options });
      if (!("opened" in answer)) throw unexpected(answer);
      const { problems, whole } = answer.opened;
      return new Journal(channel, problems, new Set(whole));
    } catch (error) {
      channel.end();
      throw error;
    }
  }

  private constructor(channel: JournalChannel, problems: readonly string[], whole: Set<string>) {
    this.#channel = channel;
    this.#whole = whole;
    this.problems = problems;
  }

  /**
   * Whether the journal has all that was ever committed for a volume. Not so after damage, or without the
   * journal of before, until `setWhole`: what the journal does not know may then be precious all the same.
   */
  isWhole(volume: string): boolean {
    return this.#whole.has(volume);
  }

  /** To be called when whatever a volume has beside the journal is safe. Resolves when that is durable. */
  async setWhole(volume: string): Promise<void> {
    if (this.#whole.has(volume)) return;
    const change = { kind: WHOLE, key: JSON.stringify(volume), value: "true" };
    await this.#commit({ volume: OWN_VOLUME, changes: [change], makesRoom: false });
    this.#whole.add(volume);
  }

  /** How many entries of each kind there are, of all volumes that have any. Rejects with `JournalError`. */
  async count(): Promise<readonly JournalCount[]> {
    await this.#settled();
    const answer = await this.#channel.ask({ count: true });
    if (!("counts" in answer)) throw unexpected(answer);
    return answer.counts;
  }

  /** The part of one volume; `volume` names it among all, for example by its URL. It is not "". */
  of(volume: string): VolumeJournal {
    return {
      load: () => this.#load(volume),
      commit: async (ops, { makesRoom } = { makesRoom: false }) =>
        await this.#commit({ volume, changes: ops.map(changeOf), makesRoom }),
    };
  }

  /** Stores what is queued and ends the worker; later commits are rejected. */
  async close(): Promise<void> {
    try {
      await this.#settled();
      await this.#channel.ask({ close: true });
    } finally {
      this.#channel.end();
    }
  }

  async #load(volume: string): Promise<JournalEntry[]> {
    await this.#settled();
    const answer = await this.#channel.ask({ load: volume });
    if (!("loaded" in answer)) throw unexpected(answer);
    return answer.loaded.map(({ kind, key, value }) => ({
      kind,
      key: String(JSON.parse(key)),
      value: JSON.parse(value),
    }));
  }

  /** Resolves when all commits of before are stored or have failed. */
  #settled(): Promise<void> {
    return this.#commit({ volume: OWN_VOLUME, changes: [], makesRoom: false });
  }

  async #commit(commit: RowCommit): Promise<void> {
    const release = await this.#slots.acquire(NEVER);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#queue.push({ commit, resolve, reject });
        if (!this.#isSending) void this.#sendAll();
      });
    } finally {
      release();
    }
  }

  /** Stores until nothing is queued. Never rejects. */
  async #sendAll(): Promise<void> {
    this.#isSending = true;
    // Whoever commits in this very turn of the event loop comes along.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        const answer = await this.#channel.ask({ commit: batch.map(({ commit }) => commit) });
        if (!("committed" in answer)) throw unexpected(answer);
        batch.forEach(({ resolve, reject }, index) => {
          const failure = answer.committed[index];
          if (failure === null) resolve();
          else reject(failure === undefined ? unexpected(answer) : errorOf(failure));
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isSending = false;
  }
}

function changeOf(op: JournalOp): RowChange {
  if ("delete" in op) {
    return { kind: op.delete.kind, key: JSON.stringify(op.delete.key), value: null };
  }
  const { kind, key, value } = op.put;
  // The types say string, but undefined and functions have no JSON.
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`Cannot store "${key}" (${kind}): it has no JSON`);
  return { kind, key: JSON.stringify(key), value: text };
}

function errorOf({ reason, message }: JournalFailure): JournalError {
  return new JournalError(reason, message);
}

function unexpected(answer: JournalAnswer): JournalError {
  return new JournalError("closed", `The journal's worker answered ${JSON.stringify(answer)}`);
}
