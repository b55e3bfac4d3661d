/** Volumes that answer when the journal has a change; S3 gets it when the clock is moved, or by `drain`. */
import type { StoreMethod } from "../../src/s3/stores/memory.ts";
import { FakeClock } from "./fake_clock.ts";
import { context, MemoryVolume } from "./memory_volume.ts";

export function journalled(nowMs = Date.UTC(2026, 0, 1)): MemoryVolume {
  return new MemoryVolume({ durability: "journal", clock: new FakeClock(nowMs) });
}

/** Resolves when S3 has everything. */
export function drain(volume: MemoryVolume): Promise<void> {
  return volume.fs.drain(context.signal);
}

/** All objects but those of directories, with their contents. */
export async function objects(volume: MemoryVolume): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const key of await volume.keys()) {
    if (!key.endsWith("/")) result[key] = (await volume.object(key))!;
  }
  return result;
}

/** An answer that never comes. */
export function noAnswer(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Has everything brought to S3, and S3 carry a call of `method` out without an answer. */
export async function loseAnswer(volume: MemoryVolume, method: StoreMethod): Promise<void> {
  const stuck = Promise.withResolvers<void>();
  volume.store.answerHook = async (call, signal) => {
    if (call.method !== method) return;
    volume.store.answerHook = undefined;
    stuck.resolve();
    await noAnswer(signal);
  };
  drain(volume).catch(() => {});
  await stuck.promise;
}

/** The next start after the program has died before it heard of the success of `method`. */
export async function diedBeforeAnswer(
  volume: MemoryVolume,
  method: StoreMethod,
): Promise<MemoryVolume> {
  await loseAnswer(volume, method);
  return await volume.restart();
}
