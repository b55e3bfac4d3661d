/** The table of commands; help and completions come from it. */
import type { CommandRow } from "../command.ts";

export const COMMANDS: readonly CommandRow[] = [
  { name: "run", summary: "mount everything, in the foreground", load: () => import("./run.ts") },
  {
    name: "start",
    summary: "mount everything, in the background",
    load: () => import("./start.ts"),
  },
  {
    name: "stop",
    summary: "finish uploads, unmount, end the daemon",
    load: () => import("./stop.ts"),
  },
  { name: "restart", summary: "stop, then start", load: () => import("./restart.ts") },
  {
    name: "status",
    summary: "show what is mounted, pending or wrong",
    load: () => import("./status.ts"),
  },
  { name: "mount", summary: "mount some or all", load: () => import("./mount.ts") },
  { name: "unmount", summary: "unmount some or all", load: () => import("./unmount.ts") },
  {
    name: "mounts",
    summary: "list, add, change, remove mounts",
    load: () => import("./mounts.ts"),
  },
  {
    name: "reload",
    summary: "read the config file again",
    load: () => import("./reload.ts"),
  },
  {
    name: "flush",
    summary: "wait until everything written is in S3",
    load: () => import("./flush.ts"),
  },
  { name: "logs", summary: "show the daemon's log", load: () => import("./logs.ts") },
  {
    name: "cache",
    summary: "show or delete what is cached on disk",
    load: () => import("./cache.ts"),
  },
  {
    name: "install-agent",
    summary: "have the system start the daemon at login",
    load: () => import("./install_agent.ts"),
  },
  {
    name: "uninstall-agent",
    summary: "undo install-agent",
    load: () => import("./uninstall_agent.ts"),
  },
  {
    name: "doctor",
    summary: "check everything, and say how to mend it",
    load: () => import("./doctor.ts"),
  },
  {
    name: "credentials",
    summary: "keep S3 keys in the system's keychain",
    load: () => import("./credentials.ts"),
  },
  { name: "demo", summary: "show it all, without an account", load: () => import("./demo.ts") },
  {
    name: "config",
    summary: "find, write, check or show the config file",
    load: () => import("./config.ts"),
  },
  {
    name: "serve-s3",
    summary: "serve a directory as an S3 endpoint, for trying things out",
    load: () => import("./serve_s3.ts"),
  },
  {
    name: "completions",
    summary: "print the completion script of a shell",
    load: () => import("./completions.ts"),
  },
  { name: "help", summary: "explain the program or a command", load: () => import("./help.ts") },
  { name: "version", summary: "print the version", load: () => import("./version.ts") },
];
