import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import { ConfigFile } from "../../config/config_file.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { preventCoreDumps } from "../../ffi/core_dumps.ts";
import type { Command, CommandContext } from "../command.ts";
import type { Environment } from "../environment.ts";
import { CRASHED_VARIABLE, RESTART_EXIT } from "../../daemon/holder.ts";
import { EXIT } from "../exit_codes.ts";
import { configPathOf } from "../load_config.ts";
import { VERSION } from "../version.ts";
import { describeTrouble } from "./_control.ts";

export const command: Command = {
  description:
    "Mounts everything the config lists and serves it in the foreground until it is stopped: by Ctrl-C, SIGTERM or " +
    "“cloudmount stop”. Uploads are finished first; a second Ctrl-C does not wait for them.",
  parser: map(object({}), () => async (context) => {
    // All at once: the config is read while the modules load.
    const configFile = new ConfigFile(configPathOf(context), context.environment);
    const [loaded, { runDaemon }, { watchEndSignals }, { findServiceManager }, backend, store] =
      await Promise.all([
        configFile.read(),
        import("../../daemon/daemon.ts"),
        import("../../daemon/signals.ts"),
        import("../../daemon/service_manager.ts"),
        import("../../wiring/s3_mount_backend.ts"),
        import("../../fuse/descriptor_store.ts"),
      ]);
    // Files and directories made by the daemon are its owner's alone.
    Deno.umask(0o077);
    preventCoreDumps();
    using signals = watchEndSignals();
    const { output, environment } = context;
    const watched = Deno.stderr.isTerminal();
    const outcome = await runDaemon({
      configFile,
      loaded,
      version: VERSION,
      createBackend: (config) =>
        backend.createMountBackend(
          config,
          environment.variable,
          store.findDescriptorStore(environment.variable, Deno.pid),
        ),
      signals,
      serviceManager: findServiceManager(environment.variable, Deno.pid),
      hasTelemetry: hasTelemetry(environment),
      writeText: watched ? (text) => output.note(text.trimEnd()) : undefined,
      crashed: environment.variable(CRASHED_VARIABLE),
      onReady: (status) => output.line(readyText(status, output)),
    });
    // As if killed: what comes after goes on with all that is open.
    if (outcome === "restart") Deno.exit(RESTART_EXIT);
    return EXIT.done;
  }),
  takesJson: false,
  watchesSignals: true,
  examples: [
    { line: "cloudmount run", meaning: "with the config file at its usual place" },
    { line: "cloudmount run --config ./test.toml", meaning: "with another one" },
  ],
  exitCodes: [EXIT.config],
};

/** An executable that was compiled with OTEL_DENO=true has no need of that variable. */
function hasTelemetry({ variable }: Environment): boolean {
  return ["OTEL_DENO", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"]
    .some((name) => (variable(name) ?? "") !== "");
}

function readyText(status: StatusDocument, output: CommandContext["output"]): string {
  const { style } = output;
  const lines = status.mounts.map((mount) => {
    const place = `  ${mount.name}: ${mount.state} at ${mount.mount_point}`;
    return mount.error === null ? place : style.yellow(`${place}: ${describeTrouble(mount.error)}`);
  });
  return [`Cloudmount ${status.version} is ready (pid ${status.pid})`, ...lines].join("\n");
}
