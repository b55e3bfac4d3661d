/** Runs all scenarios: in each round every peer, beginning with another one each time. */
import { messageOf } from "../src/base/message_of.ts";
import type { Data } from "./data.ts";
import { type Line, type Network, openLine } from "./line.ts";
import type { Options } from "./options.ts";
import type { Peer, Site } from "./peers/peer.ts";
import { S3Client } from "./s3_client.ts";
import type { Sample } from "./sample.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { Server } from "./servers.ts";
import { CutError, type LocalFolders, type Scenario, Stage } from "./stage.ts";
import { Workload } from "./workload.ts";

export interface RunnerOptions {
  readonly options: Options;
  readonly server: Server;
  readonly data: Data;
  /** Cloudmount is the first. */
  readonly peers: readonly Peer[];
  /** Everything that is written is below it. */
  readonly folder: string;
  readonly local: LocalFolders;
  note(text: string): void;
  onSample(sample: Sample): void;
}

/** The items, beginning with another one in each round. */
export function rotate<T>(items: readonly T[], round: number): T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #client: S3Client;
  /**
   * By network and peer, the rows in which it was cut off: it is not asked again, for that takes
   * minutes and says the same.
   */
  readonly #slowRows = new Map<string, Set<string>>();
  #runs = 0;
  #stage: Stage | undefined;
  #isStopped = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#client = new S3Client(options.server.url, options.server);
  }

  /** What is under way fails; everything is unmounted, and `run` returns with what there is. */
  stop(): void {
    this.#isStopped = true;
    this.#stage?.kill().catch(() => {});
  }

  async run(): Promise<void> {
    const { options, server, data, note } = this.#options;
    const scenarios = SCENARIOS.filter(({ rows }) =>
      rows.some((row) => options.rows.includes(row))
    );
    await data.make([...new Set(scenarios.flatMap(({ data = [] }) => data))], note);
    for (const network of options.networks) {
      await using line = await openLine(network, server);
      for (let round = 0; round < options.rounds; round++) {
        for (const scenario of scenarios) await this.#runScenario(scenario, network, line, round);
      }
    }
  }

  async #runScenario(
    scenario: Scenario,
    network: Network,
    line: Line,
    round: number,
  ): Promise<void> {
    const { peers } = this.#options;
    const able = peers.filter(({ abilities }, index) =>
      (scenario.needs === undefined || abilities.includes(scenario.needs)) &&
      (scenario.deadNeighbour !== true || index === 0)
    );
    for (const peer of rotate(able, round)) {
      const [row = ""] = scenario.rows;
      if (this.#slowOf(network, peer).has(row) || this.#isStopped) continue;
      try {
        await this.#runOnce(scenario, peer, network, line, round);
      } catch (error) {
        // A cut is told by its sample.
        if (this.#isStopped || error instanceof CutError) continue;
        const reason = messageOf(error);
        this.#options.onSample({ row, peer: peer.name, network, round, error: reason });
      }
    }
  }

  #slowOf(network: Network, peer: Peer): Set<string> {
    const id = `${network} ${peer.name}`;
    const rows = this.#slowRows.get(id) ?? new Set();
    this.#slowRows.set(id, rows);
    return rows;
  }

  async #runOnce(
    scenario: Scenario,
    peer: Peer,
    network: Network,
    line: Line,
    round: number,
  ): Promise<void> {
    const { options, server, data, local, onSample } = this.#options;
    const folder = `${this.#options.folder}/run${++this.#runs}`;
    const made = `bench-work-${this.#runs}-${crypto.randomUUID().slice(0, 8)}`;
    const buckets = scenario.data?.map((set) => data.bucket(set)) ?? [made];
    const places = buckets.map((bucket, index) => ({
      bucket,
      url: line.url,
      path: `${folder}/mnt${index}`,
    }));
    for (const { path } of places) await Deno.mkdir(path, { recursive: true });
    if (scenario.data === undefined) {
      await this.#client.createBucket(made);
      await scenario.fill?.(this.#client, made, options.sizes, local);
    }
    using dead = scenario.deadNeighbour === true ? deadEndpoint() : undefined;
    const neighbours = dead === undefined
      ? []
      : [{ bucket: "dead", url: dead.url, path: `${folder}/dead` }];
    const site: Site = {
      places,
      neighbours,
      folder,
      credentials: server,
      durability: scenario.durability ?? "journal",
    };
    const workload = new Workload();
    const stage = new Stage({
      ...{ peer, network, round, line, workload, site, local, onSample },
      client: this.#client,
      sizes: options.sizes,
      rows: options.rows,
      slowRows: this.#slowOf(network, peer),
    });
    this.#stage = stage;
    try {
      await scenario.run(stage);
      await stage.stop();
    } finally {
      await stage.kill();
      await workload.close();
      await Deno.remove(folder, { recursive: true });
      if (scenario.data === undefined) await this.#client.removeBucket(made);
    }
  }
}

/** Takes connections, and never answers. */
function deadEndpoint(): Disposable & { readonly url: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.dispose]: () => listener.close(),
  };
}
