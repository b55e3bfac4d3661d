/**
 * `deno task bench:listings`: what `ls -l` of a directory costs for each name, and how much memory
 * the mount takes for it, from 1,000 to 1,000,000 names. Each size has a mount of its own.
 */
import { fileURLToPath } from "node:url";
import { describeHost, versionOf } from "../machine.ts";
import { Mounted, removeUnmounted } from "../mounted.ts";
import { cloudmount } from "../peers/cloudmount.ts";
import type { Site } from "../peers/peer.ts";
import { freePort, startServing } from "../servers.ts";
import { directoryOf } from "./names.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COUNTS = [1000, 10_000, 100_000, 1_000_000];
const LIST_MS = 600_000;

interface Point {
  readonly count: number;
  readonly firstSeconds: number;
  readonly againSeconds: number;
  readonly cpuSeconds: number;
  readonly growthBytes: number;
}

async function measure(executable: string, folder: string, url: string): Promise<Point[]> {
  const points: Point[] = [];
  for (const count of COUNTS) {
    const site = await makeSite(`${folder}/${count}`, url);
    const mounted = new Mounted(cloudmount(executable), site);
    try {
      await mounted.start();
      const path = `${site.places[0]!.path}/${directoryOf(count)}`;
      mounted.resetPeaks();
      const before = mounted.usage();
      const firstSeconds = await list(path, count);
      const after = mounted.usage();
      const againSeconds = await list(path, count);
      points.push({
        count,
        firstSeconds,
        againSeconds,
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        growthBytes: mounted.usage().peakRssBytes - before.rssBytes,
      });
      await mounted.stop();
    } finally {
      await mounted.kill();
    }
  }
  return points;
}

async function makeSite(folder: string, url: string): Promise<Site> {
  const path = `${folder}/mnt`;
  await Deno.mkdir(path, { recursive: true });
  return {
    places: [{ bucket: "names", url, path }],
    neighbours: [],
    folder,
    credentials: { accessKeyId: "bench", secretAccessKey: "bench-secret" },
    durability: "journal",
  };
}

/** Seconds of `ls -l`; throws unless it shows so many names. */
async function list(path: string, count: number): Promise<number> {
  const startMs = performance.now();
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'ls -l "$1" | wc -l', "sh", path],
    cwd: "/",
    stdin: "null",
    signal: AbortSignal.timeout(LIST_MS),
  }).output();
  const seconds = (performance.now() - startMs) / 1000;
  // One line is the total.
  const shown = Number(new TextDecoder().decode(stdout)) - 1;
  if (shown !== count) throw new Error(`ls -l shows ${shown} names of ${count}`);
  return seconds;
}

function render(machine: string, points: readonly Point[]): string {
  const rows = points.map(({ count, firstSeconds, againSeconds, cpuSeconds, growthBytes }) => {
    const perName = (seconds: number) => `${(seconds / count * 1e6).toFixed(0)} µs`;
    return `| ${
      [
        count.toLocaleString("en"),
        `${firstSeconds.toFixed(2)} s`,
        perName(firstSeconds),
        perName(cpuSeconds),
        perName(againSeconds),
        `${(growthBytes / 2 ** 20).toFixed(0)} MiB`,
      ].join(" | ")
    } |`;
  });
  return `- ${machine}
- \`ls -l\` of a directory, each size with a new mount; names come from a server that computes them.

| names | cold | a name | CPU of the mount a name | a name, again | memory taken |
| ----- | ---- | ------ | ----------------------- | ------------- | ------------ |
${rows.join("\n")}
`;
}

async function bench(executable: string, out: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-listings-" });
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const script = fileURLToPath(new URL("server.ts", import.meta.url));
  const server = await startServing({
    path: Deno.execPath(),
    args: ["run", "-A", "--no-check", script, String(port), ...COUNTS.map(String)],
  }, url);
  try {
    const points = await measure(executable, folder, url);
    const machine = `${await describeHost()}; ${await versionOf(cloudmount(executable))}`;
    const page = `# A directory with many names\n\n${render(machine, points)}`;
    Deno.stdout.writeSync(new TextEncoder().encode(page));
    await Deno.mkdir(out, { recursive: true });
    await Deno.writeTextFile(`${out}/listings.md`, page);
  } finally {
    await server.end("SIGTERM");
    await removeUnmounted(folder);
  }
}

if (import.meta.main) {
  const [executable = `${ROOT}dist/cloudmount`, out = `${ROOT}bench/results`] = Deno.args;
  await bench(await Deno.realPath(executable), out);
}
