/** Sizes and durations as people write them: "64MiB", "30s". */

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  KiB: 2 ** 10,
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
  TB: 1e12,
  TiB: 2 ** 40,
};

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86400e3,
};

/** "64MiB" as bytes, or undefined when it is not a size. Units: B, KB, KiB, MB, MiB, GB, GiB, TB, TiB. */
export function parseSizeBytes(text: string): number | undefined {
  const bytes = parseWithUnit(text, SIZE_UNITS);
  return bytes === undefined ? undefined : Math.round(bytes);
}

/** "90s" as milliseconds, or undefined when it is not a duration. Units: ms, s, m, h, d. */
export function parseDurationMs(text: string): number | undefined {
  return parseWithUnit(text, DURATION_UNITS);
}

function parseWithUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  if (match === null) return undefined;
  const factor = Object.hasOwn(units, match[2]!) ? units[match[2]!] : undefined;
  const value = factor === undefined ? NaN : Number(match[1]) * factor;
  return Number.isSafeInteger(Math.round(value)) ? value : undefined;
}

/** Bytes for people: "0 B", "1.5 KiB", "20 GiB". */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${units[unit]}`;
}

/** Milliseconds for people: "40 ms", "1.5 s", "3 min", "2 h 5 min", "4 d 1 h". */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60e3) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  if (ms < 3600e3) return `${Math.floor(ms / 60e3)} min`;
  if (ms < 86400e3) {
    const minutes = Math.floor((ms % 3600e3) / 60e3);
    return `${Math.floor(ms / 3600e3)} h${minutes > 0 ? ` ${minutes} min` : ""}`;
  }
  const hours = Math.floor((ms % 86400e3) / 3600e3);
  return `${Math.floor(ms / 86400e3)} d${hours > 0 ? ` ${hours} h` : ""}`;
}
