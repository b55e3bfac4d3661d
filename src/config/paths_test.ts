import assert from "node:assert/strict";
import { pathEnvironment } from "../../tests/support/path_environment.ts";
import {
  configFilePath,
  defaultSocket,
  defaultStateDir,
  expandHome,
  isWithin,
  logFilePath,
  normalizePath,
  type PathEnvironment,
} from "./paths.ts";

const LINUX = pathEnvironment("/home/ann", { workingDirectory: "/work" });
const MACOS: PathEnvironment = { ...LINUX, os: "darwin", home: "/Users/ann" };

Deno.test("The config file is --config, then CLOUDMOUNT_CONFIG, then the XDG place, then ~/.config", () => {
  const all = { ...LINUX, configFile: "/env.toml", xdgConfigHome: "/xdg" };
  assert.equal(configFilePath(all, "/option.toml"), "/option.toml");
  assert.equal(configFilePath(all, undefined), "/env.toml");
  assert.equal(
    configFilePath({ ...all, configFile: undefined }, undefined),
    "/xdg/cloudmount.toml",
  );
  assert.equal(configFilePath(LINUX, undefined), "/home/ann/.config/cloudmount.toml");
  assert.equal(configFilePath(MACOS, undefined), "/Users/ann/.config/cloudmount.toml");
  assert.equal(configFilePath({ ...LINUX, home: undefined }, undefined), undefined);
});

Deno.test("A named config file may be relative or begin with ~", () => {
  assert.equal(configFilePath(LINUX, "a/../b.toml"), "/work/b.toml");
  assert.equal(configFilePath(LINUX, "~/b.toml"), "/home/ann/b.toml");
  assert.equal(configFilePath({ ...LINUX, home: undefined }, "b.toml"), "/work/b.toml");
});

Deno.test("State is kept in the XDG place on Linux and in the library on macOS", () => {
  assert.equal(defaultStateDir(LINUX), "/home/ann/.local/state/cloudmount");
  assert.equal(defaultStateDir({ ...LINUX, xdgStateHome: "/state" }), "/state/cloudmount");
  const library = "/Users/ann/Library/Application Support/cloudmount";
  assert.equal(defaultStateDir({ ...MACOS, xdgStateHome: "/state" }), library);
  assert.equal(defaultStateDir({ ...LINUX, home: undefined }), undefined);
});

Deno.test("The socket is in the runtime directory of Linux, else in the state directory", () => {
  const runtime = { ...LINUX, xdgRuntimeDir: "/run/user/1" };
  assert.equal(defaultSocket(runtime, "/s"), "/run/user/1/cloudmount/control.sock");
  assert.equal(defaultSocket(LINUX, "/s"), "/s/control.sock");
  assert.equal(defaultSocket({ ...MACOS, xdgRuntimeDir: "/run" }, "/s"), "/s/control.sock");
});

Deno.test("Logs are in the state directory of Linux, and in the library of macOS", () => {
  assert.equal(logFilePath("linux", "/s"), "/s/logs/cloudmount.log");
  assert.equal(logFilePath("darwin", "/s"), "/s/logs/cloudmount.log");
  assert.equal(
    logFilePath("darwin", defaultStateDir(MACOS)!),
    "/Users/ann/Library/Logs/cloudmount/cloudmount.log",
  );
});

Deno.test("Only a tilde alone or before a slash is the home directory", () => {
  assert.equal(expandHome("~", "/h"), "/h");
  assert.equal(expandHome("~/a", "/h"), "/h/a");
  assert.equal(expandHome("~bob/a", "/h"), "~bob/a");
  assert.equal(expandHome("/a/~", "/h"), "/a/~");
  assert.equal(expandHome("~/a", undefined), undefined);
});

Deno.test("Normal paths have no dots, doubled or closing slashes", () => {
  assert.equal(normalizePath("/a//b/./c/../d/"), "/a/b/d");
  assert.equal(normalizePath("/../.."), "/");
});

Deno.test("A path is within a directory by whole names", () => {
  assert.ok(isWithin("/a/b", "/a") && isWithin("/a", "/a") && isWithin("/a", "/"));
  assert.ok(!isWithin("/ab", "/a") && !isWithin("/", "/a"));
});
