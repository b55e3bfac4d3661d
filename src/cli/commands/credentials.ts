import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { argument, command as subcommand } from "@optique/core/primitives";
import { defaultStateDir } from "../../config/paths.ts";
import { preventCoreDumps } from "../../ffi/core_dumps.ts";
import type { Keychain } from "../../keychain/keychain.ts";
import { openKeychain } from "../../keychain/open_keychain.ts";
import { KeychainError } from "../../keychain/vault.ts";
import { profileName } from "../arguments.ts";
import type { Action, Command, CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";
import { enterKeys } from "../credentials/enter_keys.ts";
import { EXIT } from "../exit_codes.ts";
import { LineInput, processInput } from "../line_input.ts";
import { configPathOf, loadConfig } from "../load_config.ts";
import type { Style } from "../style.ts";
import { formatTable } from "../table.ts";

const profile = argument(profileName(), {
  description: message`As profile = in the config says; "default" for mounts that say nothing.`,
});

const set = subcommand(
  "set",
  map(object({ profile }), ({ profile }): Action => async (context) => {
    const { output, signal } = context;
    preventCoreDumps();
    const keychain = await keychainOf(context);
    const input = new LineInput(processInput(), (text) => output.prompt(text));
    const keys = await enterKeys(input, signal);
    const { vault, passedOver } = await kept(keychain.set(profile, keys, signal));
    output.show(
      { profile, kept_in: vault.name, passed_over: passedOver },
      () => `The credentials of "${profile}" are in ${vault.place}`,
    );
    if (vault.note !== undefined) {
      output.warning(`${vault.note}. Passed over: ${passedOver.join("; ")}`);
    }
    return EXIT.done;
  }),
  {
    brief: message`Asks for an access key id, a secret access key and a session token, and keeps 
them; from a pipe, it reads them, a line each.`,
  },
);

const list = subcommand(
  "list",
  map(object({}), (): Action => async (context) => {
    const entries = await kept((await keychainOf(context)).list());
    const documents = entries.map((entry) => ({
      profile: entry.profile,
      kept_in: entry.keptIn,
      access_key_id_end: entry.accessKeyIdEnd,
      session_token: entry.hasSessionToken,
      set_at: new Date(entry.setAtMs).toISOString(),
    }));
    context.output.show(documents, () => listText(documents, context.output.style));
    return EXIT.done;
  }),
  { brief: message`Lists the profiles that have credentials; secrets are not shown.` },
);

const remove = subcommand(
  "remove",
  map(object({ profile }), ({ profile }): Action => async (context) => {
    const keychain = await keychainOf(context);
    if (!await kept(keychain.remove(profile, context.signal))) {
      throw new CommandError(`Cannot remove the credentials of "${profile}": there are none`, {
        hint: "See: cloudmount credentials list",
      });
    }
    context.output.show({ profile }, () => `The credentials of "${profile}" are removed`);
    return EXIT.done;
  }),
  { brief: message`Forgets the credentials of a profile.` },
);

export const command: Command = {
  description:
    "Keeps S3 keys where the system keeps secrets: in the Keychain (macOS), in the keyring of the " +
    "desktop (Linux), or without one in a file that only this user can read, encrypted where systemd " +
    'can. Mounts with credentials = "keychain" use those of their profile.',
  parser: or(set, list, remove),
  takesJson: true,
  examples: [
    { line: "cloudmount credentials set work", meaning: 'for mounts with profile = "work"' },
    {
      line: 'printf \'%s\\n\' "$ID" "$SECRET" | cloudmount credentials set default',
      meaning: "from a script",
    },
    { line: "cloudmount credentials list --json", meaning: "which there are, without secrets" },
  ],
  exitCodes: [EXIT.config],
};

/** For people. */
function listText(
  entries: readonly {
    readonly profile: string;
    readonly kept_in: string;
    readonly access_key_id_end: string;
    readonly set_at: string;
  }[],
  style: Style,
): string {
  if (entries.length === 0) return "There are no credentials. Set some: cloudmount credentials set";
  return formatTable(
    [{ title: "PROFILE" }, { title: "ACCESS KEY" }, { title: "KEPT IN" }, { title: "SET" }],
    entries.map(({ profile, kept_in, access_key_id_end, set_at }) => [
      profile,
      `…${access_key_id_end}`,
      kept_in,
      set_at.slice(0, 10),
    ]),
    style,
  );
}

/** That of the config's state directory; before there is a config, of the usual one. */
async function keychainOf(context: CommandContext): Promise<Keychain> {
  const { environment } = context;
  const isThere = await Deno.stat(configPathOf(context)).then(() => true, () => false);
  const stateDir = isThere
    ? (await loadConfig(context)).daemon.stateDir
    : defaultStateDir(environment)!;
  return openKeychain(stateDir, environment.os);
}

/** The result of a call of the keychain; its errors come out as `CommandError`s. */
async function kept<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof KeychainError)) throw error;
    const { message, hint } = error;
    throw new CommandError(message, { ...(hint === "" ? {} : { hint }), cause: error });
  }
}
