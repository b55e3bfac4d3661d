/** What a process uses, from /proc. */
export interface ProcessUsage {
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

export async function usageOf(pid: number): Promise<ProcessUsage> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  let descriptors = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) descriptors++;
  return { rssBytes: number("VmRSS") * 1024, descriptors, threads: number("Threads") };
}
