import assert from "node:assert/strict";
import { FakeTool } from "../../../tests/support/fake_tool.ts";
import { checkFuseMacos } from "./check_fuse_macos.ts";

const calm = new AbortController().signal;

Deno.test("macFUSE and FUSE-T are found, and where the first is to be allowed, by version", async () => {
  await using swVers = await FakeTool.create("sw_vers", 'cat "$dir/version"');
  const folder = swVers.directory;
  const places = {
    macfuse: `${folder}/macfuse.fs`,
    device: `${folder}/macfuse0`,
    fuseT: `${folder}/go-nfsv4`,
  };
  const found = async () => {
    const [first, ...more] = await checkFuseMacos(places, calm);
    assert.match(first!.message, /Linux only/);
    return more;
  };
  const [none] = await found();
  assert.equal(none?.status, "error");
  assert.match(none?.fix ?? "", /brew install --cask macfuse/);

  await Deno.mkdir(`${places.macfuse}/Contents/Resources`, { recursive: true });
  await Deno.writeTextFile(`${places.macfuse}/Contents/Resources/mount_macfuse`, "");
  await Deno.writeTextFile(
    `${places.macfuse}/Contents/Info.plist`,
    "<dict><key>CFBundleShortVersionString</key>\n<string>5.4.0</string></dict>",
  );
  for (
    const [version, path] of [
      ["26.1", /^System Settings > Privacy & Security > Security > Allow/],
      ["13.0", /^System Settings > Privacy & Security/],
      ["12.7.6", /^System Preferences > Security & Privacy > General/],
      ["", /^System Settings/],
    ] as const
  ) {
    await swVers.put("version", `${version}\n`);
    const [notLoaded] = await found();
    assert.equal(notLoaded?.status, "warning");
    assert.match(notLoaded?.message ?? "", /macFUSE 5\.4\.0 is installed, but/);
    assert.match(notLoaded?.fix ?? "", path);
  }
  await Deno.writeTextFile(places.device, "");
  await Deno.writeTextFile(places.fuseT, "");
  assert.deepEqual((await found()).map(({ check, status }) => `${check}: ${status}`), [
    "fuse.fuse_t: ok",
    "fuse.macfuse: ok",
  ]);
});
