/** All checks of `cloudmount doctor`, in the order in which they are shown. */
import { AgentError } from "../../agent/agent.ts";
import { systemClock } from "../../base/clock.ts";
import { ConfigError } from "../../config/config_error.ts";
import type { Config, MountConfig } from "../../config/types.ts";
import { ControlClient } from "../../control/client.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { diskSpace } from "../../ffi/disk_space.ts";
import { type MountEntry, parseMountTable } from "../../fuse/mount_table.ts";
import { openKeychain } from "../../keychain/open_keychain.ts";
import { openBucket } from "../../wiring/bucket.ts";
import { openPool } from "../../wiring/resources.ts";
import { createAgent } from "../agent/create_agent.ts";
import { isLingering } from "../agent/linger.ts";
import type { CommandContext } from "../command.ts";
import type { Environment } from "../environment.ts";
import { configPathOf, loadConfig } from "../load_config.ts";
import { checkBucket } from "./check_bucket.ts";
import { checkAgent, checkDaemon } from "./check_daemon.ts";
import { checkFuse, linuxFusePlaces } from "./check_fuse.ts";
import { checkFuseMacos, MACOS_FUSE_PLACES } from "./check_fuse_macos.ts";
import { checkJournal } from "./check_journal.ts";
import { checkLimits } from "./check_limits.ts";
import { checkMountPoint } from "./check_mount_points.ts";
import { checkStaleMounts } from "./check_stale_mounts.ts";
import { type Finding, Findings } from "./finding.ts";
import { mountState } from "./mount_state.ts";

/** Rejects only with the signal's reason, or for a broken assumption. */
export async function runChecks(context: CommandContext): Promise<readonly Finding[]> {
  const findings = new Findings();
  const config = await checkConfig(context, findings);
  const status = config === undefined ? undefined : await daemonStatus(config, context.signal);
  const system = context.environment.os === "linux"
    ? await checkLinux(context, config, status)
    : await checkFuseMacos(MACOS_FUSE_PLACES, context.signal);
  const daemon = [
    ...(config === undefined ? [] : await askDaemon(context, config, status)),
    ...await askAgent(context, status),
  ];
  const mounts = config === undefined ? [] : await checkMounts(context, config, status);
  context.signal.throwIfAborted();
  return [...findings.list, ...system, ...daemon, ...mounts];
}

async function checkConfig(
  context: CommandContext,
  findings: Findings,
): Promise<Config | undefined> {
  const path = configPathOf(context);
  try {
    const config = await loadConfig(context);
    const { length } = config.mounts;
    findings.ok("config", `${path}: ${length} ${length === 1 ? "mount" : "mounts"}`);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { line, column, key, message, hint } of error.problems) {
      const what = key === "" ? message : `${key}: ${message}`;
      const why = "The daemon does not start with it";
      findings.error("config", `${path}:${line}:${column}: ${what}`, why, hint ?? `Edit ${path}`);
    }
    return undefined;
  }
}

async function daemonStatus(
  config: Config,
  signal: AbortSignal,
): Promise<StatusDocument | undefined> {
  using client = new ControlClient(config.daemon.socket);
  const status = await client.status(signal).catch(() => undefined);
  signal.throwIfAborted();
  return status;
}

async function checkLinux(
  { environment, signal }: CommandContext,
  config: Config | undefined,
  status: StatusDocument | undefined,
): Promise<readonly Finding[]> {
  const places = linuxFusePlaces(environment.variable("PATH") ?? "", Deno.uid() ?? 0);
  const fuse = await checkFuse(places, config);
  const stale = await checkStaleMounts(config, await mountTable(environment), mountState, signal);
  if (config === undefined) return [...fuse, ...stale];
  const limits = await Deno.readTextFile(`/proc/${status?.pid ?? "self"}/limits`).catch(() => "");
  const cacheUsedBytes = status?.cache.used_bytes;
  const numbers = await checkLimits(config.daemon, { diskSpace, cacheUsedBytes, limits });
  return [...fuse, ...stale, ...numbers];
}

async function askDaemon(
  { environment }: CommandContext,
  { daemon }: Config,
  status: StatusDocument | undefined,
): Promise<readonly Finding[]> {
  const told = checkDaemon(status);
  // One that runs has checked its journal, and has it open alone.
  if (status !== undefined || environment.os !== "linux") return told;
  return [...told, ...await checkJournal(daemon.stateDir)];
}

async function mountTable({ os }: Environment): Promise<readonly MountEntry[]> {
  return os === "linux" ? parseMountTable(await Deno.readTextFile("/proc/self/mountinfo")) : [];
}

async function askAgent(
  { environment, signal }: CommandContext,
  status: StatusDocument | undefined,
): Promise<readonly Finding[]> {
  const lingering = environment.os === "linux"
    ? await isLingering(Deno.uid() ?? 0, signal)
    : undefined;
  const agent = await createAgent(environment).then((agent) => agent.state(signal))
    .catch((error: unknown) => {
      if (error instanceof AgentError) return error;
      throw error;
    });
  return checkAgent(agent, status !== undefined, lingering);
}

async function checkMounts(
  context: CommandContext,
  config: Config,
  status: StatusDocument | undefined,
): Promise<readonly Finding[]> {
  const { environment, signal } = context;
  const served = new Set(
    status?.mounts.filter(({ state }) => !["stopped", "failed"].includes(state))
      .map(({ name }) => name),
  );
  const table = await mountTable(environment);
  const pool = openPool(config.daemon, environment.variable);
  const keychain = openKeychain(config.daemon.stateDir, environment.os);
  const check = async (mount: MountConfig) => {
    const place = await checkMountPoint(mount, table, served, signal);
    const shared = { pool, keychain, clock: systemClock };
    const bucket = openBucket(mount, shared, environment.variable);
    try {
      return [...place, ...await checkBucket(mount, bucket, systemClock, signal)];
    } finally {
      bucket.close();
    }
  };
  try {
    const found = await Promise.all(config.mounts.filter(({ enabled }) => enabled).map(check));
    return found.flat();
  } finally {
    pool.close();
  }
}
