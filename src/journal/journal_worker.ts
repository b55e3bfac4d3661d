/**
 * The thread of the journal: answers requests in their order. The first message to the worker brings the
 * port that all others go through.
 */
import { systemClock } from "../base/clock.ts";
import { JournalDatabase } from "./journal_database.ts";
import { JournalError } from "./journal_error.ts";
import type { JournalAnswer, JournalFailure, JournalRequest } from "./journal_messages.ts";

let database: JournalDatabase | undefined;

function answer(request: JournalRequest): JournalAnswer {
  if ("open" in request) {
    database = JournalDatabase.open(request.open, systemClock.nowMs());
    return { opened: { problems: database.problems, whole: database.whole() } };
  }
  if (database === undefined) throw new Error("The journal is not open");
  if ("load" in request) return { loaded: database.load(request.load) };
  if ("count" in request) return { counts: database.count() };
  if ("commit" in request) {
    const errors = database.commit(request.commit);
    return { committed: errors.map((error) => error === undefined ? null : failureOf(error)) };
  }
  database.close();
  database = undefined;
  return { closed: true };
}

function failureOf({ reason, message }: JournalError): JournalFailure {
  return { reason, message };
}

addEventListener("message", (event) => {
  const port = event instanceof MessageEvent ? event.ports[0] : undefined;
  if (port === undefined) throw new Error("The journal's worker was sent no port");
  port.onmessage = ({ data }: MessageEvent<JournalRequest>) => {
    let message: JournalAnswer;
    try {
      message = answer(data);
    } catch (error) {
      // Anything else is a mistake of this program and ends the worker: see `Journal`.
      if (!(error instanceof JournalError)) throw error;
      message = { failed: failureOf(error) };
    }
    port.postMessage(message);
  };
}, { once: true });
