/** DeleteObjects: up to 1000 in one request. */
import { receiveBytes } from "../body/receive.ts";
import { bucketOf, type Call, xmlResponse } from "../call.ts";
import { S3Error } from "../s3_error.ts";
import { deleteOne } from "./delete_object.ts";
import type { Bucket } from "../store/bucket.ts";
import { parseXml, type XmlElement } from "../xml_reader.ts";
import { element, text } from "../xml_writer.ts";

const KEYS_MAX = 1000;
const DOCUMENT_BYTES_MAX = 2 * 2 ** 20;

export async function deleteObjects(call: Call): Promise<Response> {
  const bucket = bucketOf(call);
  const { bytes, digests } = await receiveBytes(call.request, call.signer, DOCUMENT_BYTES_MAX);
  if (!digests.sentIntegrityCheck) {
    throw new S3Error(
      "InvalidRequest",
      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    );
  }
  const document = parseXml(bytes, "Delete");
  const objects = document.all("Object");
  if (objects.length === 0 || objects.length > KEYS_MAX) {
    throw new S3Error(
      "MalformedXML",
      `The request must name between 1 and ${KEYS_MAX} objects.`,
    );
  }
  const quiet = document.childText("Quiet") === "true";
  return xmlResponse("DeleteResult", objects.map((object) => deleteListed(bucket, object, quiet)));
}

function deleteListed(bucket: Bucket, object: XmlElement, quiet: boolean): string {
  const key = object.childText("Key") ?? "";
  const versionId = object.childText("VersionId");
  try {
    if (key === "") throw new S3Error("MalformedXML", "An object has no Key.");
    const deletion = deleteOne(bucket, key, versionId, object.childText("ETag"));
    if (quiet) return "";
    return element(
      "Deleted",
      text("Key", key),
      text("VersionId", versionId),
      deletion.deleteMarker ? text("DeleteMarker", true) : "",
      deletion.deleteMarker ? text("DeleteMarkerVersionId", deletion.versionId) : "",
    );
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return element(
      "Error",
      text("Key", key),
      text("VersionId", versionId),
      text("Code", error.code),
      text("Message", error.message),
    );
  }
}
