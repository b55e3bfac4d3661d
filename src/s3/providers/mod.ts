/** The services this program knows: to add one, write its file and add a row. */
import type { Provider } from "../quirks.ts";
import { aws } from "./aws.ts";
import { b2 } from "./b2.ts";
import { ceph } from "./ceph.ts";
import { gcs } from "./gcs.ts";
import { generic } from "./generic.ts";
import { minio } from "./minio.ts";
import { r2 } from "./r2.ts";
import { seaweedfs } from "./seaweedfs.ts";
import { serveS3 } from "./serve_s3.ts";
import { versitygw } from "./versitygw.ts";
import { wasabi } from "./wasabi.ts";

export const PROVIDERS: readonly Provider[] = [
  aws,
  r2,
  b2,
  gcs,
  wasabi,
  minio,
  versitygw,
  serveS3,
  ceph,
  seaweedfs,
];

/** The service at `host`, or the generic one while only its answers can tell. */
export function providerOfHost(host: string): Provider {
  return PROVIDERS.find((provider) => provider.host?.test(host) === true) ?? generic;
}

/** The service that answers with this Server header, if it is known. */
export function providerOfServer(server: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.server?.test(server) === true);
}
