/**
 * Opens a connection: the name is resolved, its addresses are tried, and TLS is spoken where asked for.
 * Certificates are those that the runtime trusts (its own store, the system's, DENO_CERT).
 *
 * Addresses are tried one after the other, each with a short lead before the next (RFC 8305): where a
 * machine has IPv6 in name only, the second address answers before the first one fails.
 */
import { lookup } from "node:dns";
import { StallTimer } from "../base/clock.ts";
import { messageOf } from "../base/message_of.ts";
import { HttpError } from "./http_error.ts";

/** The lead of one address, as RFC 8305 recommends. */
const LEAD_MS = 250;

export interface Origin {
  readonly isSecure: boolean;
  /** A name or an address, without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** The addresses of a name, best first; rejects when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/**
 * Rejects with an `HttpError` of kind "dns", "connect" or "tls". Once the signal fired, nobody may wait for
 * what this returns: a TLS handshake goes on until it is done, as it cannot be ended.
 */
export async function openConnection(
  origin: Origin,
  signal: AbortSignal,
  resolve: Resolve = resolveBySystem,
): Promise<Deno.Conn> {
  const addresses = await addressesOf(origin.hostname, resolve);
  signal.throwIfAborted();
  const connection = await connectFirst(addresses, origin.port, signal);
  connection.setNoDelay(true);
  return origin.isSecure ? await secure(connection, origin.hostname) : connection;
}

async function addressesOf(hostname: string, resolve: Resolve): Promise<readonly string[]> {
  if (/^[\d.]+$|:/.test(hostname)) return [hostname];
  try {
    return await resolve(hostname);
  } catch (cause) {
    throw new HttpError("dns", `the host name "${hostname}" is not known`, { cause });
  }
}

function resolveBySystem(hostname: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    lookup(hostname, { all: true, verbatim: true }, (error, found) => {
      if (error === null && found.length > 0) resolve(found.map(({ address }) => address));
      else reject(error ?? new Error("it has no address"));
    });
  });
}

/** The first connection to one of `addresses` that comes about. */
async function connectFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const { promise, resolve, reject } = Promise.withResolvers<Deno.TcpConn>();
  const over = new AbortController();
  const end = () => over.abort();
  let tried = 0;
  let running = 0;
  const tryNext = async (): Promise<void> => {
    const hostname = addresses[tried++];
    if (hostname === undefined || over.signal.aborted) return;
    running++;
    const lead = new StallTimer(LEAD_MS, () => void tryNext());
    try {
      const connection = await Deno.connect({ hostname, port, signal: over.signal });
      if (over.signal.aborted) connection.close();
      else resolve(connection);
      end();
    } catch (error) {
      lead.stop();
      void tryNext();
      if (--running === 0) reject(connectError(error));
    } finally {
      lead.stop();
    }
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    void tryNext();
    return await promise;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function secure(connection: Deno.TcpConn, hostname: string): Promise<Deno.Conn> {
  const tls = await Deno.startTls(connection, { hostname, alpnProtocols: ["http/1.1"] });
  try {
    await tls.handshake();
    return tls;
  } catch (error) {
    tls.close();
    const isOther = error instanceof Deno.errors.InvalidData ||
      error instanceof Deno.errors.UnexpectedEof;
    throw isOther ? new HttpError("tls", messageOf(error), { cause: error }) : connectError(error);
  }
}

function connectError(error: unknown): HttpError {
  return new HttpError("connect", messageOf(error), { cause: error });
}
