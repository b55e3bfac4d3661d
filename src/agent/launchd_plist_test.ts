import assert from "node:assert/strict";
import { parse } from "plist";
import { launchdPlist } from "./launchd_plist.ts";

const TEMPLATE = await Deno.readTextFile(
  new URL("../../launchd/cloudmount.plist", import.meta.url),
);

/** The keys of launchd.plist(5) with the type of each; a misspelt key is ignored by launchd, silently. */
const KEYS: Readonly<Record<string, (value: unknown) => boolean>> = {
  Label: isString,
  ProgramArguments: (value) => Array.isArray(value) && value.every(isString),
  EnvironmentVariables: (value) => isDictionary(value, isString),
  RunAtLoad: isBoolean,
  KeepAlive: (value) =>
    isDictionary(value, isBoolean) &&
    Object.keys(value as object).every((key) => ["SuccessfulExit", "Crashed"].includes(key)),
  ThrottleInterval: isCount,
  ProcessType: (value) =>
    ["Background", "Standard", "Adaptive", "Interactive"].includes(String(value)),
  LowPriorityIO: isBoolean,
  LegacyTimers: isBoolean,
  ExitTimeOut: isCount,
  AbandonProcessGroup: isBoolean,
  Umask: isCount,
  SoftResourceLimits: (value) => isDictionary(value, isCount) && areLimits(value),
  HardResourceLimits: (value) => isDictionary(value, isCount) && areLimits(value),
  LimitLoadToSessionType: (value) =>
    Array.isArray(value) &&
    value.every((type) =>
      ["Aqua", "Background", "LoginWindow", "StandardIO", "System"].includes(type)
    ),
  StandardOutPath: isAbsolute,
  StandardErrorPath: isAbsolute,
};

function isString(value: unknown): boolean {
  return typeof value === "string";
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isAbsolute(value: unknown): boolean {
  return typeof value === "string" && value.startsWith("/");
}

function isDictionary(value: unknown, isValue: (value: unknown) => boolean): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every(isValue);
}

function areLimits(value: unknown): boolean {
  return Object.keys(value as object).every((key) => ["NumberOfFiles", "Core"].includes(key));
}

function rendered(): { readonly text: string; readonly value: Record<string, unknown> } {
  const text = launchdPlist(TEMPLATE, {
    command: ["/Users/ä b/<cloudmount> & co", "run", "--config", '/x/"y".toml'],
    build: "1.0 abc",
    environment: { AWS_PROFILE: "a<b" },
  }, { label: "cloudmount", outputPath: "/Users/x/Library/Logs/cloudmount/agent.log" });
  return { text, value: parse(text) as Record<string, unknown> };
}

Deno.test("The plist has keys of launchd.plist(5) only, each of its type", () => {
  const { value } = rendered();
  for (const [key, one] of Object.entries(value)) {
    assert.ok(KEYS[key]?.(one), `${key}: ${JSON.stringify(one)}`);
  }
  assert.deepEqual(Object.keys(value).sort(), Object.keys(KEYS).sort());
});

Deno.test("The plist keeps every word, and tells the build", () => {
  const { text, value } = rendered();
  assert.deepEqual(value["ProgramArguments"], [
    "/Users/ä b/<cloudmount> & co",
    "run",
    "--config",
    '/x/"y".toml',
  ]);
  const environment = value["EnvironmentVariables"] as Record<string, string>;
  assert.equal(environment["AWS_PROFILE"], "a<b");
  assert.match(environment["PATH"]!, /^\/opt\/homebrew\/bin:.*\/sbin$/);
  assert.match(text, /^<!-- Build: 1\.0 abc -->$/m);
  assert.match(text, /^<!DOCTYPE plist PUBLIC "-\/\/Apple\/\/DTD PLIST 1\.0\/\/EN"/m);
});

Deno.test("The daemon is neither slowed down nor given too little time, and is kept alive", () => {
  const { value } = rendered();
  assert.equal(value["ProcessType"], "Interactive");
  assert.equal(value["LowPriorityIO"], false);
  assert.deepEqual(value["KeepAlive"], { SuccessfulExit: false });
  // An end takes up to 20 s of uploads, 20 s of unmounting, and 10 s of last uploads.
  assert.ok(Number(value["ExitTimeOut"]) > 50);
});
