/** Which operation a request is: one row each, the first that fits. */
import type { Handler } from "./call.ts";
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  headBucket,
  listBuckets,
} from "./calls/buckets.ts";
import { completeMultipartUpload } from "./calls/complete_multipart_upload.ts";
import { copyObject } from "./calls/copy_object.ts";
import { abortMultipartUpload, createMultipartUpload } from "./calls/create_multipart_upload.ts";
import { deleteObject } from "./calls/delete_object.ts";
import { deleteObjects } from "./calls/delete_objects.ts";
import { getObject } from "./calls/get_object.ts";
import { listObjectVersions } from "./calls/list_object_versions.ts";
import { listObjects, listObjectsV2 } from "./calls/list_objects.ts";
import { listMultipartUploads, listParts } from "./calls/list_uploads.ts";
import { putObject } from "./calls/put_object.ts";
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from "./calls/tagging.ts";
import { uploadPart } from "./calls/upload_part.ts";
import { uploadPartCopy } from "./calls/upload_part_copy.ts";
import { getBucketVersioning, putBucketVersioning } from "./calls/versioning.ts";
import type { S3Request } from "./request.ts";
import { S3Error } from "./s3_error.ts";

/** An operation: its name in the S3 API, and how a request for it looks. */
export interface Route {
  readonly operation: string;
  readonly method: string;
  readonly target: "service" | "bucket" | "object";
  /** Query parameter that must be there. */
  readonly query?: string;
  /** Header that must be there. */
  readonly header?: string;
  readonly handle: Handler;
}

const COPY = "x-amz-copy-source";

function row(
  operation: string,
  method: string,
  target: Route["target"],
  handle: Handler,
  marks: { query?: string; header?: string } = {},
): Route {
  return { operation, method, target, handle, ...marks };
}

const ROUTES: readonly Route[] = [
  row("ListBuckets", "GET", "service", listBuckets),

  row("GetBucketLocation", "GET", "bucket", getBucketLocation, { query: "location" }),
  row("GetBucketVersioning", "GET", "bucket", getBucketVersioning, { query: "versioning" }),
  row("ListObjectVersions", "GET", "bucket", listObjectVersions, { query: "versions" }),
  row("ListMultipartUploads", "GET", "bucket", listMultipartUploads, { query: "uploads" }),
  row("ListObjectsV2", "GET", "bucket", listObjectsV2, { query: "list-type" }),
  row("ListObjects", "GET", "bucket", listObjects),
  row("PutBucketVersioning", "PUT", "bucket", putBucketVersioning, { query: "versioning" }),
  row("CreateBucket", "PUT", "bucket", createBucket),
  row("HeadBucket", "HEAD", "bucket", headBucket),
  row("DeleteObjects", "POST", "bucket", deleteObjects, { query: "delete" }),
  row("DeleteBucket", "DELETE", "bucket", deleteBucket),

  row("ListParts", "GET", "object", listParts, { query: "uploadId" }),
  row("GetObjectTagging", "GET", "object", getObjectTagging, { query: "tagging" }),
  row("GetObject", "GET", "object", getObject),
  row("HeadObject", "HEAD", "object", getObject),
  row("UploadPartCopy", "PUT", "object", uploadPartCopy, { query: "uploadId", header: COPY }),
  row("UploadPart", "PUT", "object", uploadPart, { query: "uploadId" }),
  row("PutObjectTagging", "PUT", "object", putObjectTagging, { query: "tagging" }),
  row("CopyObject", "PUT", "object", copyObject, { header: COPY }),
  row("PutObject", "PUT", "object", putObject),
  row("CreateMultipartUpload", "POST", "object", createMultipartUpload, { query: "uploads" }),
  row("CompleteMultipartUpload", "POST", "object", completeMultipartUpload, { query: "uploadId" }),
  row("AbortMultipartUpload", "DELETE", "object", abortMultipartUpload, { query: "uploadId" }),
  row("DeleteObjectTagging", "DELETE", "object", deleteObjectTagging, { query: "tagging" }),
  row("DeleteObject", "DELETE", "object", deleteObject),
];

/** Subresources of the S3 API that are not served: they must not pass for plain reads and writes. */
const UNSERVED = new Set([
  "accelerate",
  "acl",
  "analytics",
  "attributes",
  "cors",
  "encryption",
  "intelligent-tiering",
  "inventory",
  "legal-hold",
  "lifecycle",
  "logging",
  "metrics",
  "notification",
  "object-lock",
  "ownershipControls",
  "policy",
  "policyStatus",
  "publicAccessBlock",
  "replication",
  "requestPayment",
  "restore",
  "retention",
  "select",
  "torrent",
  "website",
]);

/** The route of a request, or undefined for what this server has no operation for. */
export function findRoute(request: S3Request): Route | undefined {
  const { method, bucket, key, query, headers } = request;
  if (bucket === "" && key !== "") return undefined;
  if (query.pairs.some(([name]) => UNSERVED.has(name))) return undefined;
  if (bucket !== "" && key === "" && method !== "POST" && query.has("tagging")) return undefined;
  const target = key !== "" ? "object" : bucket !== "" ? "bucket" : "service";
  return ROUTES.find((route) =>
    route.method === method && route.target === target &&
    (route.query === undefined || query.has(route.query)) &&
    (route.header === undefined || headers.has(route.header))
  );
}

/** Why there is no route. */
export function noRoute(request: S3Request): S3Error {
  if (request.bucket === "" && request.key !== "") {
    return new S3Error("InvalidBucketName", "The specified bucket is not valid.");
  }
  if (request.query.pairs.some(([name]) => UNSERVED.has(name) || name === "tagging")) {
    return new S3Error(
      "NotImplemented",
      "A header or query you provided implies functionality that is not implemented.",
    );
  }
  return new S3Error(
    "MethodNotAllowed",
    "The specified method is not allowed against this resource.",
  );
}
