import assert from "node:assert/strict";
import { AccessDeniedError, ServerError } from "../../s3/errors.ts";
import { missingPermission } from "./permissions.ts";

const OBJECTS = "arn:aws:s3:::photos/2026/*";

function fixOf(operation: string, code = "AccessDenied", status: number | undefined = 403) {
  const details = { operation, bucket: "photos", code };
  const error = new AccessDeniedError(
    "no",
    status === undefined ? details : { ...details, status },
  );
  return missingPermission(error, OBJECTS);
}

Deno.test("A refused operation tells what to allow, on the bucket or on its objects", () => {
  assert.equal(fixOf("ListObjectsV2"), "Allow s3:ListBucket on arn:aws:s3:::photos");
  assert.equal(fixOf("PutObject"), `Allow s3:PutObject on ${OBJECTS}`);
  assert.equal(fixOf("HeadObject"), `Allow s3:GetObject on ${OBJECTS}`);
  assert.equal(fixOf("AbortMultipartUpload"), `Allow s3:AbortMultipartUpload on ${OBJECTS}`);
});

Deno.test("Wrong keys and other failures are no lack of permissions", () => {
  assert.equal(fixOf("PutObject", "InvalidAccessKeyId"), undefined);
  const never = new AccessDeniedError("none", { operation: "PutObject", bucket: "photos" });
  assert.equal(missingPermission(never, OBJECTS), undefined);
  const busy = new ServerError("busy", { operation: "PutObject", bucket: "photos", status: 500 });
  assert.equal(missingPermission(busy, OBJECTS), undefined);
});
