import assert from "node:assert/strict";
import { TEST_AUTHORITY, TEST_CERTIFICATE, TEST_KEY } from "../../tests/support/tls_certificate.ts";
import { HttpError } from "./http_error.ts";
import { openConnection } from "./open_connection.ts";

const NEVER = new AbortController().signal;

function failsAs(kind: string) {
  return (error: unknown) => error instanceof HttpError && error.kind === kind;
}

/** Serves one connection after the other: "x", and the end. */
function serve(listener: Deno.Listener): Promise<void> {
  return (async () => {
    for await (const connection of listener) {
      try {
        await connection.write(new TextEncoder().encode("x"));
      } catch {
        // a handshake that the client refused
      } finally {
        connection.close();
      }
    }
  })();
}

Deno.test("openConnection reaches names and addresses, of IPv6 too", async () => {
  for (const hostname of ["127.0.0.1", "localhost", "::1"]) {
    const listener = listen(hostname === "localhost" ? "127.0.0.1" : hostname);
    if (listener === undefined) {
      // deno-lint-ignore no-console -- a test that cannot run says why
      console.log(`skipped: ${hostname}: this machine has no such address`);
      continue;
    }
    const serving = serve(listener);
    const { port } = listener.addr;
    const connection = await openConnection({ isSecure: false, hostname, port }, NEVER);
    assert.equal(await connection.read(new Uint8Array(10)), 1);
    connection.close();
    listener.close();
    await serving;
  }
});

function listen(hostname: string): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname, port: 0 });
  } catch (error) {
    if (error instanceof Deno.errors.AddrNotAvailable) return undefined;
    throw error;
  }
}

Deno.test("openConnection tells an unknown name from a port where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(
    openConnection({ isSecure: false, hostname: "no-such-host.invalid", port }, NEVER),
    failsAs("dns"),
  );
  for (const hostname of ["127.0.0.1", "localhost"]) {
    await assert.rejects(
      openConnection({ isSecure: false, hostname, port }, NEVER),
      failsAs("connect"),
    );
  }
});

Deno.test("openConnection does not trust a certificate that nobody vouches for", async () => {
  const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls });
  const serving = serve(listener);
  const { port } = listener.addr;
  await assert.rejects(
    openConnection({ isSecure: true, hostname: "localhost", port }, NEVER),
    failsAs("tls"),
  );
  listener.close();
  await serving;
});

const MODULE = import.meta.resolve("./open_connection.ts");

const CLIENT = `
const { openConnection } = await import(Deno.args[0]);
const port = Number(Deno.args[1]);
const { signal } = new AbortController();
for (const hostname of ["localhost", "127.0.0.1"]) {
  try {
    const connection = await openConnection({ isSecure: true, hostname, port }, signal);
    console.log(hostname, await connection.read(new Uint8Array(10)));
    connection.close();
  } catch (error) {
    console.log(hostname, error.kind);
  }
}
`;

Deno.test("openConnection trusts DENO_CERT, for the names in the certificate only", async () => {
  const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls });
  const serving = serve(listener);
  const authority = await Deno.makeTempFile({ suffix: ".pem" });
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(authority, TEST_AUTHORITY);
    await Deno.writeTextFile(script, CLIENT);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", script, MODULE, String(listener.addr.port)],
      env: { DENO_CERT: authority, NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.equal(said, "localhost 1\n127.0.0.1 tls\n", new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(authority);
    await Deno.remove(script);
    listener.close();
    await serving;
  }
});
