/** The body of PutObject and UploadPart becomes a blob. */
import { type BodyDigests, payloadSize, receiveBody } from "../body/receive.ts";
import type { ChecksumAlgorithm } from "../body/checksums.ts";
import type { Call } from "../call.ts";
import { S3Error } from "../s3_error.ts";
import type { BlobStore } from "../store/blob_store.ts";
import type { Extent } from "../store/records.ts";

/** Largest object of one PUT, largest part, and largest source of a CopyObject. */
export const SINGLE_PUT_BYTES_MAX = 5 * 2 ** 30;

/** The caller owns one reference on the extents. `compute` asks for a further checksum. */
export async function receiveBlob(
  call: Call,
  blobs: BlobStore,
  compute?: ChecksumAlgorithm,
): Promise<{ extents: readonly Extent[]; digests: BodyDigests }> {
  const size = payloadSize(call.request.headers);
  if (size > SINGLE_PUT_BYTES_MAX) {
    throw new S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
      details: { ProposedSize: String(size), MaxSizeAllowed: String(SINGLE_PUT_BYTES_MAX) },
    });
  }
  const writer = blobs.create();
  try {
    const write = (bytes: Uint8Array) => writer.write(bytes);
    const digests = await receiveBody(call.request, call.signer, write, compute);
    return { extents: await writer.finish(), digests };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
