/**
 * Which way this machine is connected: asked every few seconds, as that needs no part of the system that
 * only some have (netlink, NetworkManager, SystemConfiguration) and costs a fraction of a millisecond.
 */

/** The network of a moment. */
export interface NetworkState {
  /** Of this machine. */
  readonly addresses: ReadonlySet<string>;
  /** Another text when connections may go another way, or nowhere. */
  readonly fingerprint: string;
}

/** The columns of /proc/net/route and ipv6_route that tell of a default route. Source: proc_net(5). */
const IPV4_ROUTE = { destination: 1, gateway: 2, interface: 0, any: "00000000" } as const;
const IPV6_ROUTE = { destination: 0, gateway: 4, interface: 9, any: "0".repeat(32) } as const;

/** Never rejects: what cannot be read is left out. */
export async function readNetworkState(): Promise<NetworkState> {
  const all = Deno.networkInterfaces().map(({ address }) => address);
  const routes = await Promise.all([
    defaultRoutes("/proc/net/route", IPV4_ROUTE),
    defaultRoutes("/proc/net/ipv6_route", IPV6_ROUTE),
  ]);
  // Link-local addresses come and go with every container, and lead to no endpoint.
  const global = all.filter((address) => !/^(127\.|169\.254\.|fe80:|::1$)/i.test(address)).sort();
  return { addresses: new Set(all), fingerprint: [...global, ...routes.flat()].join("\n") };
}

async function defaultRoutes(
  path: string,
  columns: typeof IPV4_ROUTE | typeof IPV6_ROUTE,
): Promise<string[]> {
  const text = await Deno.readTextFile(path).catch(() => ""); // Linux only, and perhaps not there
  return text.split("\n").map((line) => line.trim().split(/\s+/))
    .filter((row) => row[columns.destination] === columns.any && row[columns.interface] !== "lo")
    .map((row) => `${row[columns.interface]} ${row[columns.gateway]}`);
}
