/** The operations on buckets themselves: CreateBucket, HeadBucket, DeleteBucket, ListBuckets, GetBucketLocation. */
import { receiveBytes } from "../body/receive.ts";
import { bucketOf, type Call, emptyResponse, isoTime, OWNER_ID, xmlResponse } from "../call.ts";
import { S3Error } from "../s3_error.ts";
import { parseXml } from "../xml_reader.ts";
import { element, text } from "../xml_writer.ts";

const DOCUMENT_BYTES_MAX = 64 * 1024;

export async function createBucket(call: Call): Promise<Response> {
  const { request } = call;
  if (Number(request.headers.get("content-length") ?? 0) > 0) {
    const { bytes } = await receiveBytes(request, call.signer, DOCUMENT_BYTES_MAX);
    checkLocation(call, bytes);
  }
  call.buckets.create(request.bucket);
  return emptyResponse(200, { location: `/${request.bucket}` });
}

function checkLocation(call: Call, bytes: Uint8Array): void {
  const document = parseXml(bytes, "CreateBucketConfiguration");
  const location = document.childText("LocationConstraint");
  // us-east-1 is the one region that is named by leaving it out.
  if (location === undefined || (location === call.region && location !== "us-east-1")) return;
  throw new S3Error(
    "IllegalLocationConstraintException",
    `The ${location} location constraint is incompatible for the region specific endpoint this ` +
      "request was sent to.",
  );
}

export function headBucket(call: Call): Response {
  bucketOf(call);
  return emptyResponse(200, { "x-amz-bucket-region": call.region });
}

export function deleteBucket(call: Call): Response {
  call.buckets.remove(call.request.bucket);
  return emptyResponse(204);
}

export function listBuckets(call: Call): Response {
  const buckets = call.buckets.all().map((bucket) =>
    element(
      "Bucket",
      text("Name", bucket.name),
      text("CreationDate", isoTime(bucket.createdMs)),
    )
  );
  return xmlResponse("ListAllMyBucketsResult", [
    element("Owner", text("ID", OWNER_ID)),
    element("Buckets", ...buckets),
  ]);
}

export function getBucketLocation(call: Call): Response {
  bucketOf(call);
  return xmlResponse("LocationConstraint", call.region === "us-east-1" ? [] : [call.region]);
}
