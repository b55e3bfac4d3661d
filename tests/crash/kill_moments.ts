/** When the daemon is killed: at random, and at points that are looked for from outside. */
import type { RequestKind, RequestMoment } from "../support/request_gate.ts";
import type { StateFile } from "./watch_state.ts";
import type { SeededRandom } from "../support/seeded_random.ts";

export type Moment =
  | { readonly kind: "delay"; readonly ms: number }
  /** The nth of some operations of a writer begins, or was acknowledged. */
  | {
    readonly kind: "writer";
    readonly at: "begin" | "ack";
    readonly ops: readonly string[];
    readonly nth: number;
    readonly delayUs: number;
  }
  | {
    readonly kind: "request";
    readonly request: Exclude<RequestKind, "other">;
    readonly moment: RequestMoment;
    readonly nth: number;
  }
  /** The nth change of such a file in the state directory. */
  | { readonly kind: "state"; readonly what: StateFile; readonly nth: number };

const WRITER_OPS = [
  ["close"],
  ["fsync"],
  ["rename"],
  ["unlink"],
  ["mkdir", "rmdir", "symlink"],
  // Among them those of large files, between their parts.
  ["write"],
] as const;

const REQUESTS: readonly (readonly [Exclude<RequestKind, "other">, readonly RequestMoment[]])[] = [
  ["put", ["before", "in_body", "answered"]],
  ["copy", ["before", "answered"]],
  ["delete", ["before", "answered"]],
  ["create_upload", ["answered"]],
  ["part", ["before", "in_body", "answered"]],
  ["complete_upload", ["before", "answered"]],
];

/** Kinds take turns, so that a short run has them all; the rest is random. */
export function pickMoment(
  random: SeededRandom,
  round: number,
  kinds: readonly Moment["kind"][],
): Moment {
  const kind = kinds[round % kinds.length]!;
  switch (kind) {
    case "delay":
      return { kind, ms: random.below(2500) };
    case "writer": {
      const at = random.pick(["begin", "ack"] as const);
      const ops = random.pick(WRITER_OPS);
      // How long such an operation takes is not known: tens of microseconds to a second.
      const delayUs = random.next() < 0.3 ? 0 : Math.floor(10 ** (1 + random.next() * 4));
      return { kind, at, ops, nth: 1 + random.below(ops[0] === "close" ? 20 : 5), delayUs };
    }
    case "request": {
      const [request, moments] = random.pick(REQUESTS);
      const often = request === "put" || request === "delete";
      return { kind, request, moment: random.pick(moments), nth: 1 + random.below(often ? 8 : 3) };
    }
    case "state":
      return { kind, what: random.pick(["staged", "journal"]), nth: 10 + random.below(60) };
  }
}

/** For a person, and to be counted. */
export function describeMoment(moment: Moment): string {
  switch (moment.kind) {
    case "delay":
      return "any time";
    case "writer":
      return `${moment.ops[0]} ${moment.at === "ack" ? "acknowledged" : "begun"}`;
    case "request":
      return `${moment.request} ${moment.moment}`;
    case "state":
      return `${moment.what} changed`;
  }
}
