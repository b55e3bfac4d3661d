/** GetBucketVersioning and PutBucketVersioning. */
import { receiveBytes } from "../body/receive.ts";
import { bucketOf, type Call, emptyResponse, xmlResponse } from "../call.ts";
import { S3Error } from "../s3_error.ts";
import { parseXml } from "../xml_reader.ts";
import { text } from "../xml_writer.ts";

const DOCUMENT_BYTES_MAX = 64 * 1024;

export function getBucketVersioning(call: Call): Response {
  const { versioning } = bucketOf(call);
  return xmlResponse(
    "VersioningConfiguration",
    versioning === "Unversioned" ? [] : [text("Status", versioning)],
  );
}

export async function putBucketVersioning(call: Call): Promise<Response> {
  const bucket = bucketOf(call);
  const { bytes } = await receiveBytes(call.request, call.signer, DOCUMENT_BYTES_MAX);
  const status = parseXml(bytes, "VersioningConfiguration").childText("Status");
  if (status !== "Enabled" && status !== "Suspended") {
    throw new S3Error(
      "IllegalVersioningConfigurationException",
      "The Versioning element must be specified",
    );
  }
  bucket.versioning = status;
  return emptyResponse(200);
}
