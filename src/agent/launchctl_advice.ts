/** What launchctl's exit codes mean, as far as a user can do something about them. */

/** `print` and `kickstart`: the domain has no such service. */
export const NOT_FOUND = 113;
/** `bootout`: it is not loaded. */
export const NO_SUCH_PROCESS = 3;
/** `bootout` goes on in the background. */
export const IN_PROGRESS = 36;
/** `bootstrap`: it is loaded already, or about to be. */
export const ALREADY_LOADED = 37;
/** The catch-all: also "still being removed", which a moment later is over. */
export const INPUT_OUTPUT = 5;
/** `bootstrap gui/UID` without a graphical login, as over ssh: `user/UID` is there then. */
export const NO_SUCH_DOMAIN: readonly number[] = [112, 125];

const LOGIN_ITEMS =
  "System Settings > General > Login Items & Extensions > Allow in the Background";

/** What to do after `launchctl` ended with `code`. */
export function launchctlAdvice(code: number, plistPath: string): string {
  switch (code) {
    case INPUT_OUTPUT:
      return `Is it switched off in ${LOGIN_ITEMS}? Is the file fine: plutil -lint "${plistPath}"`;
    case 119:
      return `It is switched off: allow it in ${LOGIN_ITEMS}`;
    case 17:
    case ALREADY_LOADED:
      return "It is loaded already: run cloudmount uninstall-agent first";
    case 112:
    case 125:
      return "There is no session of this user: log in at the screen or over ssh, without sudo";
    case 122:
      return `The file must be yours and writable for nobody else: chmod 644 "${plistPath}"`;
    case 134:
      return "The agent may not run in this kind of session: log in at the screen";
    default:
      return `What the code means: launchctl error ${code}`;
  }
}
