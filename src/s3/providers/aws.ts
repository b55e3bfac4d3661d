import { AWS_QUIRKS, type Provider } from "../quirks.ts";

/** Amazon S3, also by its regional, dual-stack and VPC endpoints. */
export const aws: Provider = {
  name: "AWS",
  host: /(^|\.)amazonaws\.com(\.cn)?$/,
  server: /^AmazonS3$/,
  quirks: AWS_QUIRKS,
};
