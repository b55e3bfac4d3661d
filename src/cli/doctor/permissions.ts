/** Which permission is missing when S3 refuses an operation. */
import { AccessDeniedError } from "../../s3/errors.ts";

/** Of the bucket; others are of its objects. Source: "Actions, resources, and condition keys for Amazon S3". */
const BUCKET_ACTIONS: Readonly<Record<string, string>> = {
  ListObjects: "s3:ListBucket",
  ListObjectsV2: "s3:ListBucket",
  ListObjectVersions: "s3:ListBucketVersions",
  ListMultipartUploads: "s3:ListBucketMultipartUploads",
};

const OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  HeadObject: "s3:GetObject",
  CreateMultipartUpload: "s3:PutObject",
  UploadPart: "s3:PutObject",
  UploadPartCopy: "s3:GetObject and s3:PutObject",
  DeleteObjects: "s3:DeleteObject",
};

/** What these codes stand for is no lack of permissions but wrong keys. */
const WRONG_KEYS = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"];

/**
 * What to write into the policy of the user or the bucket; undefined when `error` is another failure.
 * `resource` are the objects, for example "arn:aws:s3:::photos/2026/*".
 */
export function missingPermission(error: unknown, resource: string): string | undefined {
  if (!(error instanceof AccessDeniedError)) return undefined;
  const { operation, bucket, status, code = "" } = error.details;
  // Without a status the request was never sent: there are no keys.
  if (status === undefined || WRONG_KEYS.includes(code)) return undefined;
  const ofBucket = BUCKET_ACTIONS[operation];
  if (ofBucket !== undefined) return `Allow ${ofBucket} on arn:aws:s3:::${bucket}`;
  return `Allow ${OBJECT_ACTIONS[operation] ?? `s3:${operation}`} on ${resource}`;
}
