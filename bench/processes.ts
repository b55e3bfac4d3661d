/** What processes used, read from /proc: CPU time and the peak of resident memory. */

/** Clock ticks of /proc/PID/stat; the same on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

export interface Usage {
  readonly cpuSeconds: number;
  /** Sum of the peaks of the processes. */
  readonly peakRssBytes: number;
  readonly rssBytes: number;
}

/** `roots` and all their descendants. */
export function usageOf(roots: readonly number[]): Usage {
  let [ticks, peakKb, nowKb] = [0, 0, 0];
  for (const pid of withDescendants(roots)) {
    const stat = statOf(pid);
    if (stat === undefined) continue;
    ticks += stat.ticks;
    const status = read(`/proc/${pid}/status`) ?? "";
    peakKb += Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    nowKb += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    peakRssBytes: peakKb * 1024,
    rssBytes: nowKb * 1024,
  };
}

/** The peaks begin anew; not all kernels let us. */
export function resetPeaks(roots: readonly number[]): void {
  for (const pid of withDescendants(roots)) {
    try {
      Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
    } catch {
      // It has ended, or the peak is that of its whole life.
    }
  }
}

function withDescendants(roots: readonly number[]): Set<number> {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = statOf(Number(name))?.parent;
    if (parent === undefined) continue;
    children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  const found = new Set(roots);
  // A set goes through what is added on the way.
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return found;
}

/** CPU time includes that of children that have ended. */
function statOf(pid: number): { readonly parent: number; readonly ticks: number } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The program's name, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [parent = 0, times] = [fields[1], fields.slice(11, 15)];
  return { parent, ticks: times.reduce((sum, ticks) => sum + ticks, 0) };
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
