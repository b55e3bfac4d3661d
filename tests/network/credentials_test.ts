/** A session ends in the middle of an upload, and the person signs in again some time later. */
import assert from "node:assert/strict";
import { KEYS, World } from "./world.ts";
import { context } from "../support/memory_volume.ts";
import { withSeed } from "../support/seeded_random.ts";

const MiB = 2 ** 20;
const PIECES = 48;
const SIGNED_OUT_MS = 70_000;
/** So often it is looked for new credentials, and what a probe takes on a busy machine. */
const NOTICED_MS = 2_000 + 8_000;
const VARIABLES = ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"];

Deno.test("an upload goes on where it was when its credentials expire in the middle of it", () =>
  withSeed(async (random) => {
    await using stack = new AsyncDisposableStack();
    const signIn = await useAwsFiles(stack);
    const readEnv = (name: string) => VARIABLES.includes(name) ? Deno.env.get(name) : undefined;
    const world = stack.use(await World.start({ rate: 12, profile: "work", readEnv }));
    const { clock, monitor, proxy, volume } = world;
    const piece = random.bytes(MiB);
    const file = await volume.create("large");
    for (let index = 0; index < PIECES; index++) {
      volume.fs.write(file.ino, file.fh, index * MiB, piece, context);
    }
    await volume.close(file);
    const parts = () =>
      proxy.log.filter(({ method, path }) => method === "PUT" && /part/.test(path));
    const done = () => parts().filter(({ status }) => status === 200);
    await clock.until("a part is in S3", 300_000, () => done().length >= 1);
    await proxy.setFaults({ rules: [{ fault: { kind: "expired_token" } }] });
    const command = "Sign in: aws sso login --profile work";
    await clock.until("it is noticed", 60_000, () => monitor.trouble?.hint === command);
    await volume.write("meanwhile", "also written");
    await clock.sleep(SIGNED_OUT_MS);
    assert.ok(monitor.trouble !== undefined);
    assert.equal(volume.fs.uploads().pendingFiles, 2);

    await proxy.setFaults({});
    await signIn();
    await clock.until("it is noticed", NOTICED_MS, () => monitor.trouble === undefined);
    await clock.until("all is in S3", 300_000, () => volume.fs.uploads().pendingFiles === 0);
    const object = await world.object("large");
    assert.equal(object.length, PIECES * MiB);
    for (let index = 0; index < PIECES; index++) {
      assert.deepEqual(object.subarray(index * MiB, (index + 1) * MiB), piece);
    }
    assert.equal(new TextDecoder().decode(await world.object("meanwhile")), "also written");
    // The upload that was begun is the one that was completed.
    const begun = proxy.log.filter(({ method, path }) =>
      method === "POST" && /\?uploads/.test(path)
    );
    assert.equal(begun.length, 1);
  }, 1));

/** AWS files of a profile that signs in by SSO; returns how to do so. */
async function useAwsFiles(stack: AsyncDisposableStack): Promise<() => Promise<void>> {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-aws-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  for (const name of VARIABLES) {
    const before = Deno.env.get(name);
    stack.defer(() => before === undefined ? Deno.env.delete(name) : Deno.env.set(name, before));
    Deno.env.set(name, `${directory}/${name}`);
  }
  await Deno.writeTextFile(
    `${directory}/AWS_CONFIG_FILE`,
    "[profile work]\nsso_start_url = https://example.invalid/start\n",
  );
  let count = 0;
  const signIn = async () => {
    await Deno.writeTextFile(
      `${directory}/AWS_SHARED_CREDENTIALS_FILE`,
      `# ${"again ".repeat(count++)}\n[work]\naws_access_key_id = ${KEYS.accessKeyId}\n` +
        `aws_secret_access_key = ${KEYS.secretAccessKey}\n`,
    );
  };
  await signIn();
  return signIn;
}
