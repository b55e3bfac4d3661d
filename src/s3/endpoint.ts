/** Where a bucket is: URL, region and service, with what was learned about them from answers. */
import type { Quirks } from "./quirks.ts";
import { encodeKeyPath } from "./key_encoding.ts";
import { providerOfHost, providerOfServer } from "./providers/mod.ts";
import { generic } from "./providers/generic.ts";
import { aws } from "./providers/aws.ts";

export interface EndpointOptions {
  readonly bucket: string;
  /** Base URL; absent: AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Absent: decided by the service. */
  readonly pathStyle?: boolean;
}

/** The parts of a request's address, encoded as they are sent and signed. */
export interface Address {
  readonly url: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

/** Where the bucket is. */
interface Place {
  readonly origin: string;
  readonly host: string;
  /** What comes before the key. */
  readonly bucketPath: string;
  readonly isPathStyle: boolean;
}

export class BucketEndpoint {
  readonly bucket: string;
  readonly #pathStyle: boolean | undefined;
  /** The configured URL; undefined: AWS's own for the region. */
  readonly #base: URL | undefined;
  #region: string | undefined;
  #provider;
  /** What single answers taught, over the provider's data. */
  #learned: Partial<Quirks> = {};
  /** Follow from the fields above; made when they are needed. */
  #quirks: Quirks | undefined;
  #place: Place | undefined;

  /** Throws a TypeError when `endpoint` is not an http or https URL. */
  constructor(options: EndpointOptions) {
    this.bucket = options.bucket;
    this.#pathStyle = options.pathStyle;
    this.#region = options.region;
    const base = options.endpoint === undefined ? undefined : parseBase(options.endpoint);
    this.#provider = base === undefined ? aws : providerOfHost(base.hostname);
    // A regional AWS endpoint says no more than its region, and may be the wrong one.
    const named = base === undefined ? undefined : awsRegionOf(base.hostname);
    this.#region ??= named;
    this.#base = named === undefined ? base : undefined;
  }

  /** The service's name, for people. */
  get providerName(): string {
    return this.#provider.name;
  }

  /** Requests go to Amazon's own servers. */
  get isAws(): boolean {
    return this.#base === undefined || providerOfHost(this.#base.hostname) === aws;
  }

  get quirks(): Quirks {
    return this.#quirks ??= { ...this.#provider.quirks, ...this.#learned };
  }

  get region(): string {
    return this.#region ?? this.#provider.quirks.region;
  }

  /** Requests go to `region` from now on. */
  learnRegion(region: string): void {
    this.#region = region;
    this.#forgetDerived();
  }

  /** Remembers that the server does something otherwise than expected. */
  learnQuirks(quirks: Partial<Quirks>): void {
    this.#learned = { ...this.#learned, ...quirks };
    this.#forgetDerived();
  }

  /** Looks at the Server header of an answer while the service is unknown. */
  learnServer(server: string | null): void {
    if (server === null || this.#provider !== generic) return;
    this.#provider = providerOfServer(server) ?? this.#provider;
    this.#forgetDerived();
  }

  /** Scheme, host and port, for people. */
  get origin(): string {
    return (this.#base ?? new URL(`https://${this.#awsHost()}`)).origin;
  }

  /** Nobody can change what is sent there: by TLS, or because it does not leave this machine. */
  get isSafeOnTheWay(): boolean {
    const base = this.#base;
    return base === undefined || base.protocol === "https:" || LOOPBACK.test(base.hostname);
  }

  /** The address of an object, or of the bucket for key "". `query` in any order. */
  address(key: string, query: string): Address {
    const { origin, host, bucketPath, isPathStyle } = this.#place ??= this.#findPlace();
    const keyPath = key === "" && isPathStyle ? "" : `/${encodeKeyPath(key)}`;
    const path = `${bucketPath}${keyPath}`;
    return { url: `${origin}${path}${query === "" ? "" : `?${query}`}`, host, path, query };
  }

  #findPlace(): Place {
    const base = this.#base ?? new URL(`https://${this.#awsHost()}`);
    const isPathStyle = this.#usesPathStyle(base);
    const host = isPathStyle ? base.host : `${this.bucket}.${base.host}`;
    const basePath = base.pathname.replace(/\/+$/, "");
    const bucketPath = isPathStyle ? `${basePath}/${encodeKeyPath(this.bucket)}` : basePath;
    return { origin: `${base.protocol}//${host}`, host, bucketPath, isPathStyle };
  }

  #forgetDerived(): void {
    this.#quirks = undefined;
    this.#place = undefined;
  }

  #awsHost(): string {
    const suffix = this.region.startsWith("cn-") ? ".cn" : "";
    return `s3.${this.region}.amazonaws.com${suffix}`;
  }

  #usesPathStyle(base: URL): boolean {
    if (this.#pathStyle !== undefined) return this.#pathStyle;
    // A dot in the name breaks the certificate's wildcard; upper case and "_" are no host names.
    const hostable = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(this.bucket);
    const isAddress = /^[\d.]+$|^\[/.test(base.hostname);
    return this.quirks.pathStyle || !hostable || isAddress;
  }
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

function parseBase(endpoint: string): URL {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`Cannot use the endpoint "${endpoint}": it must be an http or https URL`);
  }
  return url;
}

/** The region in s3.REGION.amazonaws.com or s3-REGION...; undefined for any other host. */
function awsRegionOf(host: string): string | undefined {
  if (host === "s3.amazonaws.com") return "us-east-1";
  return /^s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(\.cn)?$/.exec(host)?.[1];
}
