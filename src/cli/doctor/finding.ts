/** What `cloudmount doctor` finds. */
import { explain } from "../../wiring/explain.ts";

export type FindingStatus = "ok" | "warning" | "error";

export interface Finding {
  /** What was looked at, for scripts: "fuse", "bucket.write", ... */
  readonly check: string;
  /** The name of the mount it is about; null: all of them. */
  readonly mount: string | null;
  readonly status: FindingStatus;
  /** What was found. */
  readonly message: string;
  /** Why it matters; "" when all is well. */
  readonly why: string;
  /** The command that mends it, or what to do; "" when all is well. */
  readonly fix: string;
}

/** Findings about one subject. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #mount: string | null;

  constructor(mount: string | null = null) {
    this.#mount = mount;
  }

  ok(check: string, message: string): void {
    this.#add(check, "ok", message, "", "");
  }

  /** It works, but not as well as it could. */
  warning(check: string, message: string, why: string, fix: string): void {
    this.#add(check, "warning", message, why, fix);
  }

  /** Something does not work. */
  error(check: string, message: string, why: string, fix: string): void {
    this.#add(check, "error", message, why, fix);
  }

  /** As `error`, in the words of what was thrown; its own hint goes before `fix`. */
  failed(check: string, error: unknown, why: string, fix: string): void {
    const { message, hint } = explain(error);
    this.error(check, message, why, hint === "" ? fix : hint);
  }

  #add(check: string, status: FindingStatus, message: string, why: string, fix: string): void {
    this.list.push({ check, mount: this.#mount, status, message, why, fix });
  }
}
