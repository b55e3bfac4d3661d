/** What the demo's buckets hold. Everything is computed, and the same in every demo. */

/** An object of the demo, made when it is uploaded: one of them is large. */
export interface DemoObject {
  readonly key: string;
  readonly contentType: string;
  bytes(): Uint8Array<ArrayBuffer>;
}

export interface DemoBucket {
  /** Also the mount's name. */
  readonly name: string;
  readonly objects: readonly DemoObject[];
}

export const SMALL_FILES = 2000;
export const SMALL_PREFIX = "sensors/";
export const LARGE_KEY = "archive/backup-2026-11.bin";
export const LARGE_BYTES = 64 * 2 ** 20;
export const PICTURE_KEY = "2026/11 November/sunset over the sea.bmp";
export const TEXT_KEY = "Read me first.txt";

const TEXT = "text/plain; charset=utf-8";

/** The two buckets. */
export const DEMO_BUCKETS: readonly DemoBucket[] = [
  {
    name: "documents",
    objects: [
      text(TEXT_KEY, readMe()),
      text("letters/2026/Liebe Grüße aus Köln.txt", "Liebe Anna,\n\nhier regnet es. Und dort?\n"),
      text("letters/2026/re: offer + price (50% off) #2.txt", "Fifty per cent is fine.\n"),
      text("projects/bridge/plan.md", "# Bridge\n\n1. Measure\n2. Draw\n3. Build\n"),
      text("projects/bridge/parts/cables/list.csv", "part,count\ncable,48\nclamp,96\n"),
      ...Array.from({ length: SMALL_FILES }, (_, index) => sensorLog(index)),
      {
        key: LARGE_KEY,
        contentType: "application/octet-stream",
        bytes: () => pseudoRandom(LARGE_BYTES, 20261101),
      },
    ],
  },
  {
    name: "photos",
    objects: [
      { key: PICTURE_KEY, contentType: "image/bmp", bytes: () => sunset(640, 400, 0.55) },
      {
        key: "2026/10 October/morning.bmp",
        contentType: "image/bmp",
        bytes: () => sunset(320, 200, 0.8),
      },
      {
        key: "2025/12 Dezember/☃ Schnee.bmp",
        contentType: "image/bmp",
        bytes: () => sunset(160, 100, 0.3),
      },
      text(
        "2026/11 November/captions.json",
        `{"sunset over the sea.bmp": "the last warm evening"}\n`,
      ),
    ],
  },
];

function text(key: string, words: string): DemoObject {
  return { key, contentType: TEXT, bytes: () => new TextEncoder().encode(words) };
}

function readMe(): string {
  return [
    "This folder is a bucket.",
    "",
    "Everything here is an object in S3, and everything you save here becomes one.",
    "Try: copy a file here, rename it, edit it, delete it.",
    "",
  ].join("\n");
}

function sensorLog(index: number): DemoObject {
  const day = String(1 + index % 28).padStart(2, "0");
  const name = `sensor-${String(index).padStart(4, "0")}.csv`;
  const lines = Array.from(
    { length: 20 },
    (_, hour) => `2026-10-${day}T${String(hour).padStart(2, "0")}:00Z,${(index * 7 + hour) % 40}`,
  );
  return text(`${SMALL_PREFIX}${name}`, `time,celsius\n${lines.join("\n")}\n`);
}

/** Bytes that do not compress, by Marsaglia's xorshift32. */
export function pseudoRandom(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** A sun above the sea as an uncompressed 24-bit bitmap (BITMAPINFOHEADER); `width` a multiple of 4. */
function sunset(width: number, height: number, horizon: number): Uint8Array<ArrayBuffer> {
  const headerBytes = 54;
  const file = new Uint8Array(headerBytes + width * height * 3);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]);
  view.setUint32(2, file.length, true);
  view.setUint32(10, headerBytes, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true); // negative: the first row is the top one
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  let at = headerBytes;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = sunsetPixel(x / width, y / height, horizon, height / width);
      file[at++] = blue;
      file[at++] = green;
      file[at++] = red;
    }
  }
  return file;
}

function sunsetPixel(
  x: number,
  y: number,
  horizon: number,
  ratio: number,
): readonly [number, number, number] {
  if (y > horizon) {
    const depth = (y - horizon) / (1 - horizon);
    const glitter = Math.abs(x - 0.5) < 0.05 + depth * 0.1 && Math.sin(y * 300) > 0 ? 90 : 0;
    return [30 + glitter, 60 + glitter * 0.7, 110 - depth * 60];
  }
  const distance = Math.hypot(x - 0.5, (y - horizon * 0.8) * ratio);
  if (distance < 0.08) return [255, 220, 120];
  const height = y / horizon;
  return [120 + height * 130, 70 + height * 90, 130 - height * 60];
}
