/** What goes between HashThread and its worker. */

export type HashAlgorithm = "sha256" | "md5";

/** The next slice of a body. Its buffer is handed over, and comes back with the answer. */
export interface HashRequest {
  /** Of the body. */
  readonly id: number;
  readonly algorithm: HashAlgorithm;
  readonly buffer: ArrayBuffer;
  /** Bytes of the buffer that count. */
  readonly size: number;
  readonly isLast: boolean;
}

export interface HashAnswer {
  readonly id: number;
  readonly buffer: ArrayBuffer;
  /** Hex, after the last slice. */
  readonly digest?: string;
}
