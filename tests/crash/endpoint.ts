/** The endpoint of the daemon under test: a server behind what makes it unreliable, and what looks on. */
import { type FaultProxy, type FaultRule, startFaultProxy } from "../support/fault_proxy.ts";
import { type RequestGate, startRequestGate } from "../support/request_gate.ts";

/** "faulty": errors, resets and lost answers all the time; "down": out of reach while writers write. */
export type EndpointKind = "good" | "faulty" | "down";

const FAULTS: readonly FaultRule[] = [
  { fault: { kind: "slow_down" }, probability: 0.06 },
  { fault: { kind: "internal_error" }, probability: 0.04 },
  { fault: { kind: "reset_before" }, probability: 0.05 },
  { fault: { kind: "lost_response" }, probability: 0.1 },
  { fault: { kind: "reset_in_body", afterBytes: 100 }, method: "GET", probability: 0.05 },
];

export class Endpoint implements AsyncDisposable {
  readonly #kind: EndpointKind;
  readonly #seed: number;
  #faults: FaultProxy | undefined;
  /** There when it is started. */
  gate: RequestGate | undefined;

  constructor(kind: EndpointKind, seed: number) {
    this.#kind = kind;
    this.#seed = seed;
  }

  /** Puts itself in front of a server; returns the URL for the daemon. */
  async start(url: string): Promise<string> {
    if (this.#kind !== "good") this.#faults = await startFaultProxy(url, { seed: this.#seed });
    this.gate = startRequestGate(this.#faults?.url ?? url);
    return this.gate.url;
  }

  /** While the writers write. */
  async worsen(): Promise<void> {
    await this.#faults?.setFaults(this.#kind === "down" ? { down: true } : { rules: FAULTS });
  }

  /** While the daemon starts: a mount that is degraded from the beginning is another test's matter. */
  async recover(): Promise<void> {
    await this.#faults?.setFaults({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate?.[Symbol.asyncDispose]();
    await this.#faults?.close();
  }
}
