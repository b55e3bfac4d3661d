/** DeleteObjects: up to 1000 keys in one request. */
import type { S3Client } from "../client.ts";
import { ServerError } from "../errors.ts";
import type { DeleteFailure, DeleteTarget } from "../object_store.ts";
import type { XmlReader } from "../xml_reader.ts";
import { escapeXml, readFields, readXml, xmlBody } from "./_xml_documents.ts";
import { isGone } from "./delete_object.ts";

/** Of a key in an answer that is otherwise a success. */
const PASSING: ReadonlySet<string> = new Set([
  "InternalError",
  "OperationAborted",
  "ServiceUnavailable",
  "SlowDown",
]);

/** Returns the keys that could not be deleted. All of them must be expressible in XML. */
export async function deleteObjects(
  client: S3Client,
  targets: readonly DeleteTarget[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const isObeyed = client.endpoint.quirks.conditionalDelete === "native";
  const objects = targets.map(({ key, ifMatch }) => {
    const etag = ifMatch === undefined || !isObeyed ? "" : `<ETag>${escapeXml(ifMatch)}</ETag>`;
    return `<Object><Key>${escapeXml(key)}</Key>${etag}</Object>`;
  });
  const call = {
    operation: "DeleteObjects",
    kind: "delete",
    method: "POST",
    query: { delete: "" },
    ...xmlBody("Delete", `<Quiet>true</Quiet>${objects.join("")}`),
  } as const;
  const answer = await client.sendForXml(call, ["DeleteResult"], signal);
  const failures: DeleteFailure[] = [];
  for (const error of readXml(client, call, answer, readErrors)) {
    const field = (name: string) => error.get(name) ?? "";
    const [key, code, message] = [field("Key"), field("Code"), field("Message")];
    const isDone = code === "NoSuchKey" ||
      (code === "PreconditionFailed" && await isGone(client, key, signal));
    if (isDone) continue;
    const details = { operation: "DeleteObjects", bucket: client.endpoint.bucket, key, code };
    const passing = PASSING.has(code) ? new ServerError(message, details) : undefined;
    failures.push({ key, code, message, ...(passing === undefined ? {} : { error: passing }) });
  }
  return failures;
}

function readErrors(xml: XmlReader): ReadonlyMap<string, string>[] {
  const errors: ReadonlyMap<string, string>[] = [];
  while (xml.enter()) {
    if (xml.name === "Error") errors.push(readFields(xml));
    else xml.skip();
  }
  return errors;
}
