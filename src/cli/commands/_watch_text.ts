/** The status for people who watch it: what flows, in rates between two looks. */
import { formatSize } from "../../base/units.ts";
import type { MountStatus, StatusDocument } from "../../control/protocol.ts";
import type { Style } from "../style.ts";
import { formatTable, type TableColumn } from "../table.ts";
import { formatSeconds } from "./_control.ts";
import { pendingText, remarksText, stateColour } from "./_status_text.ts";

/** Bytes per second. */
interface Rates {
  readonly down: number;
  readonly up: number;
  readonly read: number;
}

const COLUMNS: readonly TableColumn[] = [
  { title: "NAME" },
  { title: "STATE" },
  { title: "READ", align: "right" },
  { title: "DOWN", align: "right" },
  { title: "UP", align: "right" },
  { title: "HITS", align: "right" },
  { title: "CONFLICTS", align: "right" },
  { title: "LAST CONTACT", align: "right" },
  { title: "NOT YET IN S3" },
];

/** Makes a picture of each status, compared with the one before. */
export class WatchText {
  #before: { readonly status: StatusDocument; readonly atMs: number } | undefined;

  /** `atMs` is monotonic. */
  next(status: StatusDocument, atMs: number, style: Style): string {
    const { memory, connections, cache } = status;
    const rates = status.mounts.map((mount) => this.#rates(status, mount, atMs));
    this.#before = { status, atMs };
    const total = (of: keyof Rates) => rateText(rates.reduce((sum, rate) => sum + rate[of], 0));
    const head = [
      `Cloudmount ${status.version}`,
      `down ${total("down")}, up ${total("up")}`,
      `connections ${connections.in_use} of ${connections.limit}`,
      `memory ${formatSize(memory.used_bytes)} (process ${formatSize(memory.rss_bytes)})`,
      `cache ${formatSize(cache.used_bytes)} of ${formatSize(cache.limit_bytes)}`,
    ].join("   ");
    const table = status.mounts.length === 0 ? "The config lists no mounts." : formatTable(
      COLUMNS,
      status.mounts.map((mount, index) => cells(mount, rates[index]!)),
      style,
      (cell, column, row) =>
        column === 1 ? stateColour(status.mounts[row]!.state, style)(cell) : cell,
    );
    const remarks = remarksText(status, style);
    return [head, "", table, ...(remarks === "" ? [] : ["", remarks])].join("\n");
  }

  #rates({ pid }: StatusDocument, mount: MountStatus, atMs: number): Rates {
    const before = this.#before?.status.pid === pid
      ? this.#before.status.mounts.find(({ id }) => id === mount.id)
      : undefined;
    const seconds = (atMs - (this.#before?.atMs ?? atMs)) / 1000;
    // A mount that is new, or of another daemon, has no past to compare with.
    if (before === undefined || seconds <= 0) return { down: 0, up: 0, read: 0 };
    const rate = (now: number, then: number) => Math.max(0, now - then) / seconds;
    const { bytes } = mount;
    return {
      down: rate(bytes.downloaded, before.bytes.downloaded),
      up: rate(bytes.uploaded, before.bytes.uploaded),
      read: rate(bytes.read, before.bytes.read),
    };
  }
}

function cells(mount: MountStatus, { read, down, up }: Rates): string[] {
  const { hit_rate } = mount.cache;
  return [
    mount.name,
    mount.state,
    rateText(read),
    rateText(down),
    rateText(up),
    hit_rate === null ? "-" : `${Math.round(100 * hit_rate)} %`,
    mount.conflicts.length === 0 ? "-" : String(mount.conflicts.length),
    mount.last_contact_seconds === null ? "-" : formatSeconds(mount.last_contact_seconds),
    pendingText(mount),
  ];
}

function rateText(bytesPerSecond: number): string {
  return bytesPerSecond < 1 ? "-" : `${formatSize(bytesPerSecond)}/s`;
}
