/** On what, and of what, the figures are. */
import { run } from "./child.ts";
import { FAR } from "./line.ts";
import type { Peer } from "./peers/peer.ts";

/** Lines of text: machine, server, lines, versions. */
export async function describeMachine(server: string, peers: readonly Peer[]): Promise<string[]> {
  const versions = await Promise.all(peers.map(versionOf));
  return [
    await describeHost(),
    `Server: ${server}, on the same machine. "near": loopback; "far": ${FAR.delayMs} ms for each request, ` +
    `${FAR.bytesPerSecond / 1e6} MB/s for each connection`,
    versions.join("; "),
  ];
}

/** Its cores, memory and system, and the day. */
export async function describeHost(): Promise<string> {
  const cpus = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const model = /^model name\s*:\s*(.+)$/m.exec(cpus)?.[1] ?? Deno.build.arch;
  const { total } = Deno.systemMemoryInfo();
  return `${navigator.hardwareConcurrency} cores (${model}), ${Math.round(total / 2 ** 30)} GiB, ` +
    `Linux ${Deno.osRelease()}; ${new Date().toISOString().slice(0, 10)}`;
}

/** The first line of what the program says of itself that has a number in it. */
export async function versionOf({ name, path, versionArgs }: Peer): Promise<string> {
  if (versionArgs === undefined) return name;
  const { stdout, stderr } = await run(path, versionArgs);
  const line = `${stdout}\n${stderr}`.split("\n").find((text) => /\d+\.\d+/.test(text)) ?? "";
  return `${name} ${/v?\d+\.\d+[\w.-]*/i.exec(line)?.[0] ?? ""}`.trim();
}
