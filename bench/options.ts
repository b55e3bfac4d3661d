/** The command line. */
import { parseArgs } from "node:util";
import { messageOf } from "../src/base/message_of.ts";
import type { Network } from "./line.ts";
import { ROWS } from "./rows.ts";
import { FULL, QUICK, type Sizes } from "./sizes.ts";

export interface Options {
  readonly rows: readonly string[];
  /** Undefined: all that are found; empty: cloudmount alone. */
  readonly peers: readonly string[] | undefined;
  readonly networks: readonly Network[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly sizes: Sizes;
  readonly executable: string;
  /** Where the server's objects are kept from run to run; undefined: nowhere. */
  readonly data: string | undefined;
  /** Where mounts, caches and journals are. */
  readonly scratch: string | undefined;
  /** Where the results go; undefined: nowhere. */
  readonly out: string | undefined;
}

export const USAGE = `deno task bench [options]
  --rows a,b          only these rows: ${ROWS.map(({ id }) => id).join(" ")}
  --peers x,y         only these peers beside cloudmount; "none": cloudmount alone
  --network near|far  only this one (both; with --quick: near)
  --rounds N          how often each is measured (3)
  --limit SECONDS     operations that take longer are cut off (60; with --quick: 20)
  --quick             tiny sizes, one round, cloudmount alone: for crashes and request counts
  --executable PATH   what is measured (dist/cloudmount)
  --data DIR          keeps the objects that are read, for the next run
  --scratch DIR       where caches and journals lie (the system's temporary directory)
  --out DIR           where the results go (bench/results when all rows, peers and networks are measured)`;

/** Throws with the usage when it is wrong. */
export function parseOptions(args: readonly string[], root: string): Options {
  const { values } = parse(args);
  const quick = values.quick ?? false;
  const rows = split(values.rows) ?? ROWS.map(({ id }) => id);
  const unknown = rows.filter((id) => !ROWS.some((row) => row.id === id));
  if (unknown.length > 0) throw new Error(`Cannot find the rows ${unknown.join(", ")}\n${USAGE}`);
  const { network } = values;
  if (network !== undefined && network !== "near" && network !== "far") {
    throw new Error(`Cannot use the network "${network}"\n${USAGE}`);
  }
  const rounds = values.rounds === undefined ? (quick ? 1 : 3) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`Cannot measure ${values.rounds} rounds\n${USAGE}`);
  }
  const sizes = quick ? QUICK : FULL;
  const limitSeconds = Number(values.limit ?? sizes.limitSeconds);
  if (!(limitSeconds > 0)) throw new Error(`Cannot cut off after ${values.limit} s\n${USAGE}`);
  const isPart = [values.quick, values.rows, values.peers, network].some((value) =>
    value !== undefined
  );
  const peers = values.peers === "none" ? [] : split(values.peers) ?? (quick ? [] : undefined);
  return {
    rows,
    peers,
    networks: network === undefined ? (quick ? ["near"] : ["near", "far"]) : [network],
    rounds,
    quick,
    sizes: { ...sizes, limitSeconds },
    executable: values.executable ?? `${root}dist/cloudmount`,
    data: values.data,
    scratch: values.scratch,
    out: values.out ?? (isPart ? undefined : `${root}bench/results`),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rows: { type: "string" },
        peers: { type: "string" },
        network: { type: "string" },
        rounds: { type: "string" },
        limit: { type: "string" },
        quick: { type: "boolean" },
        executable: { type: "string" },
        data: { type: "string" },
        scratch: { type: "string" },
        out: { type: "string" },
      },
    });
  } catch (error) {
    throw new Error(`${messageOf(error)}\n${USAGE}`);
  }
}

function split(list: string | undefined): string[] | undefined {
  return list?.split(",").filter((item) => item !== "");
}
