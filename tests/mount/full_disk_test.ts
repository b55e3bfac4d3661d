/** The disk of the state directory is full: what waits there for S3 stays whole, and reading goes on. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest } from "../support/mount_daemon.ts";
import { NO_UPLOADS, withFaults } from "../support/mount_faults.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { python, run, sh, sha256OfFile } from "../support/mount_programs.ts";

const MIB = 2 ** 20;
const STATE_BYTES = 24 * MIB;

/**
 * Python: writes a local file's bytes into another at an offset. Prints how many bytes were taken, the
 * error of the write that was not, and that of close.
 */
const WRITE = `
import errno, os, sys
source, path, flags, offset = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
data = open(source, "rb").read()
done, failed, closed = 0, "", ""
try:
    fd = os.open(path, os.O_WRONLY | eval(flags), 0o644)
    try:
        while done < len(data):
            done += os.pwrite(fd, data[done:done + 65536], offset + done)
    except OSError as error:
        failed = errno.errorcode[error.errno]
    try: os.close(fd)
    except OSError as error: closed = errno.errorcode[error.errno]
except OSError as error:
    failed = errno.errorcode[error.errno]
print(f"{done} {failed} {closed}", end="")
`;

interface Written {
  readonly bytes: number;
  /** "" when there was none. */
  readonly error: string;
  readonly closeError: string;
}

async function write(source: string, path: string, flags: string, offset = 0): Promise<Written> {
  const said = await python(WRITE, [source, path, flags, String(offset)]);
  const [bytes, error = "", closeError = ""] = said.split(" ");
  return { bytes: Number(bytes), error, closeError };
}

mountTest("a full disk refuses writes with ENOSPC and spoils nothing", async () => {
  await withFaults(async (mounted, proxy) => {
    const folder = mounted.path();
    const local = `${mounted.folder}/local`;
    await sh(
      mounted.folder,
      `mkdir local; cd local; head -c ${40 * MIB} /dev/urandom > large
       for i in 1 2 3 4; do head -c ${MIB} /dev/urandom > early-$i; done
       head -c ${4 * MIB} /dev/urandom > later; head -c ${8 * MIB} /dev/urandom > edited
       head -c ${6 * MIB} /dev/urandom > unread
       echo gone > gone`,
    );
    for (const name of ["edited", "gone", "unread"]) {
      await mounted.other().put(name, await Deno.readFile(`${local}/${name}`));
    }
    await sh(folder, "ls -l");
    await proxy.setFaults(NO_UPLOADS);
    await sh(folder, `cp ${local}/early-* .`);

    const copied = await run("cp", [`${local}/large`, `${folder}/large`]);
    assert.equal(copied.code, 1);
    assert.match(copied.stderr, /No space left on device/);
    await checkAll(mounted, ["early-1", "early-4", "unread"]);
    // Also where the content is another object's: what is not taken is not there.
    const edit = await write(`${local}/large`, `${folder}/edited`, "0", 3 * MIB);
    assert.equal(edit.error, "ENOSPC");
    await sh(
      local,
      `dd if=large of=edited bs=1 count=0 conv=notrunc status=none
      head -c ${edit.bytes} large | dd of=edited bs=1M seek=3 conv=notrunc iflag=fullblock status=none`,
    );
    await checkAll(mounted, ["edited", "early-2", "unread"]);

    // Removing is possible, also what is in S3; it makes room.
    await sh(folder, "rm gone; rm large; cp ../../local/later later");
    // And once more, a program that does not mind the error.
    const partial = await write(`${local}/large`, `${folder}/partial`, "os.O_CREAT | os.O_EXCL");
    assert.equal(partial.error, "ENOSPC");
    assert.ok(partial.bytes > 0);
    await sh(local, `head -c ${partial.bytes} large > partial`);
    await checkAll(mounted, ["partial", "later"]);

    await mounted.kill();
    await mounted.start();
    await checkAll(mounted, ["early-1", "early-2", "early-3", "early-4", "later", "unread"]);
    if (partial.closeError === "") await checkAll(mounted, ["partial"]);
    if (edit.closeError === "") await checkAll(mounted, ["edited"]);
    const before = await mounted.status();
    assert.deepEqual(before.lost_and_found, []);
    assert.deepEqual((await mounted.statusDocument()).problems, []);

    await sh(folder, "rm partial; echo room > room; cat room");
    await proxy.setFaults({});
    await flushMount(mounted);
    const names = ["early-1", "early-2", "early-3", "early-4", "edited", "later", "unread"];
    assert.deepEqual(await mounted.other().keys(), [...names.slice(0, 6), "room", "unread"]);
    for (const name of names) {
      assert.equal(
        await mounted.other().sha256(name),
        await sha256OfFile(`${local}/${name}`),
        name,
      );
    }
    const { conflicts, lost_and_found } = await mounted.status();
    assert.deepEqual({ conflicts, lost_and_found }, { conflicts: [], lost_and_found: [] });
  }, { defaults: JOURNAL, stateBytes: STATE_BYTES });
});

/** These files in the mount have the bytes of those of the same names in `local`. */
async function checkAll(mounted: MountedBuckets, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { code, stdout } = await run("cmp", [
      `${mounted.folder}/local/${name}`,
      `${mounted.path()}/${name}`,
    ]);
    assert.equal(code, 0, `${name}: ${stdout}`);
  }
}
