/** What can be wrong with the journal. */
export type JournalErrorReason =
  /** The disk is full; commits work again when there is room. */
  | "full"
  /** The disk or the file is in trouble; a later commit may work. */
  | "io"
  /** The journal is closed, or could not be opened, or its worker has ended: no commit works. */
  | "closed";

/** A change could not be recorded: it must not be acknowledged to anybody. */
export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly reason: JournalErrorReason;

  constructor(reason: JournalErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
