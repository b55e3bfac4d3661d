import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { reply, startScriptedServer } from "../../tests/support/scripted_server.ts";
import { HttpPool } from "../net/http_pool.ts";
import { type CallerIdentity, identify, stsUrlOf } from "./caller_identity.ts";
import { AccessDeniedError } from "./errors.ts";

const calm = new AbortController().signal;
const KEYS = { accessKeyId: "AKIAABCDEFGHWXYZ", secretAccessKey: "secret" };

/** Asks a service that answers so; "" stands for one that nobody answers at. */
async function ask(answer: string): Promise<{ identity: CallerIdentity; sent: string }> {
  await using server = startScriptedServer(() => answer === "" ? ["close"] : answer);
  const pool = new HttpPool({ maxConnections: 1 });
  const share = pool.share();
  try {
    const question = {
      bucket: "photos",
      stsUrl: `${server.url}/`,
      region: "eu-west-1",
      share,
      clock: new FakeClock(),
      timeoutMs: 5000,
    };
    const identity = await identify(KEYS, question, calm);
    const [request] = server.requests;
    const sent = `${request?.method} ${new TextDecoder().decode(request?.body)} ` +
      (request?.headers.get("authorization") ?? "");
    return { identity, sent };
  } finally {
    share.close();
    pool.close();
  }
}

Deno.test("AWS is asked who the credentials are, by a request signed for that service", async () => {
  const arn = "arn:aws:sts::123456789012:assumed-role/Photos&amp;Co/me";
  const { identity, sent } = await ask(reply(
    200,
    `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>${arn}</Arn>` +
      `<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  ));
  assert.deepEqual(identity, { accessKeyIdEnd: "WXYZ", arn: arn.replace("&amp;", "&") });
  assert.match(sent, /^POST Action=GetCallerIdentity&Version=2011-06-15 AWS4-HMAC-SHA256 /);
  assert.match(sent, /Credential=AKIAABCDEFGHWXYZ\/\d{8}\/eu-west-1\/sts\/aws4_request/);
  assert.doesNotMatch(sent, /secret/);
});

Deno.test("Credentials that AWS does not know are an error, that it cannot be asked is none", async () => {
  const refusal = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>` +
    `<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The token is invalid</Message>` +
    `</Error><RequestId>1</RequestId></ErrorResponse>`;
  await assert.rejects(ask(reply(403, refusal)), (error) => {
    assert.ok(error instanceof AccessDeniedError);
    assert.equal(error.details.code, "InvalidClientTokenId");
    assert.match(error.message, /The token is invalid/);
    return true;
  });
  for (const answer of ["", reply(503, "busy"), reply(200, "<html>sign in</html>")]) {
    assert.deepEqual((await ask(answer)).identity, { accessKeyIdEnd: "WXYZ" });
  }
});

Deno.test("Each part of AWS has a token service of its own", () => {
  assert.equal(stsUrlOf("eu-west-1"), "https://sts.eu-west-1.amazonaws.com/");
  assert.equal(stsUrlOf("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn/");
});
