/**
 * fsx, the file system exerciser (https://crates.io/crates/fsx, `cargo install fsx`): random reads,
 * writes, mappings, truncations, holes and copies of one file, each read compared with what it must be.
 */
import assert from "node:assert/strict";
import { findProgram } from "../support/find_program.ts";
import { lengthOf } from "../model/lengths.ts";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { printNote, run, sha256OfFile } from "../support/mount_programs.ts";
import { withSeed } from "../support/seeded_random.ts";

const FSX = findProgram("fsx", [".cargo/bin"]);
const SECONDS_MAX = 1800;

/** The operations' weights; those that change a file come about as often as those that look at it. */
const WEIGHTS = {
  close_open: 2,
  invalidate: 1,
  mapread: 10,
  mapwrite: 10,
  read: 10,
  write: 10,
  truncate: 8,
  fsync: 1,
  fdatasync: 1,
  sendfile: 3,
  posix_fadvise: 1,
  posix_fallocate: 4,
  punch_hole: 6,
  copy_file_range: 6,
};

interface Shape {
  readonly name: string;
  /** The file's greatest size, in bytes. */
  readonly flen: number;
  readonly opsize: { readonly min: number; readonly max: number; readonly align: number };
  readonly weights?: Readonly<Partial<typeof WEIGHTS>>;
  /** Seeds in a long run. */
  readonly seeds: number;
}

const SHAPES: readonly Shape[] = [
  {
    name: "any byte",
    flen: 262_144,
    // fsx itself fails when it draws an allocation of no bytes.
    opsize: { min: 1, max: 65_536, align: 1 },
    seeds: 3,
  },
  {
    name: "whole pages of a longer file",
    flen: 1_572_864,
    opsize: { min: 4096, max: 262_144, align: 4096 },
    // Its lengths become 0 when they are aligned.
    weights: { posix_fallocate: 0 },
    seeds: 2,
  },
];

for (const shape of SHAPES) {
  mountTest(`fsx finds no wrong byte in a mount (${shape.name})`, async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      const config = `${mounted.folder}/fsx.toml`;
      await Deno.writeTextFile(config, configOf(shape));
      for (let file = 0; file < lengthOf(1, shape.seeds); file++) {
        await withSeed(async (random) => {
          await exercise(mounted.folder, `${folder}/file-${file}`, config, random.seed);
        });
        await flushMount(mounted);
        const [here, there] = await Promise.all([
          sha256OfFile(`${folder}/file-${file}`),
          mounted.other().sha256(`file-${file}`),
        ]);
        assert.equal(there, here, "the object holds what the file holds");
      }
    }, { defaults: JOURNAL });
  }, FSX === undefined ? ["fsx"] : []);
}

async function exercise(artifacts: string, path: string, config: string, seed: number) {
  const operations = lengthOf(3000, 100_000);
  const startMs = performance.now();
  const { code, stdout, stderr } = await run(
    FSX!,
    ["-f", config, "-N", String(operations), "-S", String(seed), "-P", artifacts, path],
    { seconds: SECONDS_MAX },
  );
  assert.equal(code, 0, `fsx -S ${seed}: ${`${stdout}${stderr}`.slice(-4000)}`);
  const perSecond = Math.round(operations / (performance.now() - startMs) * 1000);
  await printNote(`fsx: ${operations} operations, ${perSecond}/s, seed ${seed}`);
}

function configOf({ flen, opsize, weights }: Shape): string {
  const all = { ...WEIGHTS, ...weights };
  return `flen = ${flen}
[opsize]
min = ${opsize.min}
max = ${opsize.max}
align = ${opsize.align}
[weights]
${Object.entries(all).map(([name, weight]) => `${name} = ${weight.toFixed(1)}`).join("\n")}
`;
}
