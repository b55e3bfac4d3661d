/** What a process uses, from /proc. */
export interface ProcessUsage {
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Time on a processor of its main thread, which serves everything. */
  readonly mainCpuMs: number;
}

/** Linux counts processor time in these. */
const TICK_MS = 10;

export async function usageOf(pid: number): Promise<ProcessUsage> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  let descriptors = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) descriptors++;
  const stat = await Deno.readTextFile(`/proc/${pid}/task/${pid}/stat`);
  const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13)
    .map(Number);
  return {
    rssBytes: number("VmRSS") * 1024,
    descriptors,
    threads: number("Threads"),
    mainCpuMs: (user + system) * TICK_MS,
  };
}
