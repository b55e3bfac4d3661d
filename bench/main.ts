/** `deno task bench`: Cloudmount beside other programs that mount buckets, near and far. */
import { fileURLToPath } from "node:url";
import { renderChart } from "./chart.ts";
import { cloneRepository, Data } from "./data.ts";
import { describeMachine } from "./machine.ts";
import { type Options, parseOptions } from "./options.ts";
import { removeUnmounted } from "./mounted.ts";
import { cloudmount } from "./peers/cloudmount.ts";
import { findPeers } from "./peers/find_peers.ts";
import type { Peer } from "./peers/peer.ts";
import { OURS, renderReport, showNumber } from "./report.ts";
import { describe, total } from "./request_kinds.ts";
import { rowOf } from "./rows.ts";
import { Runner } from "./runner.ts";
import { pseudoRandom, S3Client } from "./s3_client.ts";
import type { Sample } from "./sample.ts";
import { startServer } from "./servers.ts";
import type { LocalFolders } from "./stage.ts";
import { figuresOf } from "./statistics.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Runs everything; resolves with what was wrong with Cloudmount. */
async function bench(options: Options): Promise<string[]> {
  const peers = [cloudmount(await Deno.realPath(options.executable)), ...choosePeers(options)];
  const scratch = options.scratch === undefined ? {} : { dir: options.scratch };
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-bench-", ...scratch });
  const objects = options.data ?? await makeObjectsFolder();
  const samples: Sample[] = [];
  try {
    await Deno.mkdir(objects, { recursive: true });
    await using server = await startServer(`${objects}/buckets`, folder);
    const machine = await describeMachine(server.name, peers);
    print(machine.join("\n"));
    const data = new Data(new S3Client(server.url, server), objects, options.sizes);
    const local = await makeLocal(folder, options);
    const runner = new Runner({
      ...{ options, server, data, peers, folder, local },
      note: print,
      onSample: (sample) => {
        samples.push(sample);
        print(showSample(sample));
      },
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => runner.stop());
    }
    await runner.run();
    const report = renderReport({
      ...{ machine, figures: figuresOf(samples), sizes: options.sizes, rounds: options.rounds },
    });
    print(`\n${report}`);
    if (options.out !== undefined) await write(options.out, options, machine, samples, report);
  } finally {
    if (!await removeUnmounted(folder)) print(`Something is still mounted below ${folder}`);
    if (options.data === undefined) await Deno.remove(objects, { recursive: true });
  }
  return problemsOf(samples, options);
}

function choosePeers({ peers }: Options): Peer[] {
  const found = findPeers();
  const missing = peers?.filter((name) => !found.some((peer) => peer.name === name)) ?? [];
  if (missing.length > 0) {
    const names = found.map(({ name }) => name).join(", ");
    throw new Error(`Cannot find ${missing.join(", ")}; installed are: ${names || "none"}`);
  }
  return found.filter(({ name }) => peers?.includes(name) ?? true);
}

/** In memory where there is such a place: the server syncs each file, and is not what is measured. */
async function makeObjectsFolder(): Promise<string> {
  const prefix = "cloudmount-bench-objects-";
  try {
    return await Deno.makeTempDir({ dir: "/dev/shm", prefix });
  } catch {
    return await Deno.makeTempDir({ prefix });
  }
}

/** What is copied and cloned into mounts. */
async function makeLocal(folder: string, { sizes }: Options): Promise<LocalFolders> {
  const local = { files: `${folder}/files`, repo: `${folder}/repo` };
  await Deno.mkdir(local.files);
  for (let index = 0; index < sizes.copiedFiles; index++) {
    await Deno.writeFile(`${local.files}/${index}.bin`, pseudoRandom(sizes.smallBytes, index));
  }
  await cloneRepository(local.repo);
  return local;
}

function showSample(sample: Sample): string {
  const { network, row, peer, value, isBound, requests, cpuSeconds, peakRssBytes } = sample;
  const where = `${network.padEnd(4)} ${row.padEnd(14)} ${peer.padEnd(14)}`;
  if (value === undefined) return `${where} ${sample.error}`;
  const { unit } = rowOf(row);
  const figure = `${isBound === true ? "bound " : ""}${showNumber(value)} ${unit}`;
  const usage = cpuSeconds === undefined || peakRssBytes === undefined
    ? ""
    : `${cpuSeconds.toFixed(2)} s CPU, ${Math.round(peakRssBytes / 2 ** 20)} MiB`;
  return `${where} ${figure.padEnd(16)} ${usage.padEnd(22)} ${
    requests === undefined ? "" : describe(requests)
  }`.trimEnd();
}

async function write(
  out: string,
  { sizes, rounds }: Options,
  machine: readonly string[],
  samples: readonly Sample[],
  report: string,
): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  const document = { machine, sizes, rounds, samples };
  await Deno.writeTextFile(`${out}/latest.json`, `${JSON.stringify(document, null, 1)}\n`);
  const page = `# Benchmark\n\n${report}\n![Ratios](latest.svg)\n`;
  await Deno.writeTextFile(`${out}/latest.md`, page);
  await Deno.writeTextFile(`${out}/latest.svg`, renderChart(figuresOf(samples), sizes));
}

/** Failures of Cloudmount; with --quick also more requests than the work needs and a tenth. */
function problemsOf(samples: readonly Sample[], { quick, sizes }: Options): string[] {
  return samples.filter(({ peer }) => peer === OURS).flatMap((sample) => {
    const where = `${sample.row}, ${sample.network}`;
    if (sample.error !== undefined) return [`${where}: ${sample.error}`];
    const { minimum, spare = 0 } = rowOf(sample.row);
    if (!quick || minimum === undefined || sample.requests === undefined) return [];
    const allowed = Math.floor(minimum(sizes) * 1.1) + spare;
    const seen = total(sample.requests);
    return seen <= allowed
      ? []
      : [`${where}: ${describe(sample.requests)}, where ${allowed} requests will do`];
  });
}

if (import.meta.main) {
  const problems = await bench(parseOptions(Deno.args, ROOT));
  for (const problem of problems) print(`FAILED ${problem}`);
  Deno.exit(problems.length === 0 ? 0 : 1);
}
