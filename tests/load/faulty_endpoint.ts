/**
 * A process: a fault proxy that misbehaves by turns. Arguments: the URL of the server, a seed. Prints its own
 * URL; on its standard input "faults" begins with the turns and "calm" ends them for good. Each turn is
 * announced by a line of JSON: {"faults": what, or null for a quiet one}.
 */
import { type Fault, type Faults, startFaultProxy } from "../support/fault_proxy.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const [target, seed] = Deno.args;
const random = new SeededRandom(Number(seed));
const proxy = await startFaultProxy(target!, { seed: Number(seed) });
/** Quiet turns are long enough for all that has failed to be well again. */
const FAULTY_MS = 4_000;
const QUIET_MS = 4_000;

const some = (...faults: Fault[]): Faults => ({
  rules: faults.map((fault) => ({ fault, probability: 0.15 })),
});
const TURNS: Readonly<Record<string, Faults>> = {
  "answers 503": some({ kind: "slow_down" }),
  "answers 500, loses answers": some({ kind: "internal_error" }, { kind: "lost_response" }),
  "resets": some({ kind: "reset_before" }, { kind: "reset_in_body", afterBytes: 100 }),
  "cuts bodies off": some({ kind: "truncated_body", afterBytes: 1000 }),
  "answers garbage": some({ kind: "garbage", content: "truncated_xml" }),
  "stalls": some({ kind: "stall" }),
  "is slow": { delayMs: 300 },
  "is down": { down: true },
  "is silent": { silent: true },
};

async function print(value: unknown): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
}

async function takeTurns(calm: AbortSignal): Promise<void> {
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      calm.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  while (!calm.aborted) {
    const what = random.pick(Object.keys(TURNS));
    await print({ faults: what });
    await proxy.setFaults(TURNS[what]!);
    await pause(FAULTY_MS);
    await proxy.setFaults({});
    await print({ faults: null });
    await pause(QUIET_MS);
  }
}

await print({ url: proxy.url });
const calm = new AbortController();
let turns: Promise<void> | undefined;
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  if (text.includes("faults")) turns = takeTurns(calm.signal);
  if (!text.includes("calm")) continue;
  calm.abort();
  await turns;
  // What stalls would do so for a minute more.
  await proxy.setFaults({ down: true });
  await proxy.setFaults({});
}
calm.abort();
await turns;
await proxy.close();
