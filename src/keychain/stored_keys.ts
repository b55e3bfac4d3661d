/** A pair of S3 keys as it is kept: one line of base64, which every keeper of passwords takes. */

export interface StoredKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that were lent for some hours. */
  readonly sessionToken?: string;
}

export function encodeKeys({ accessKeyId, secretAccessKey, sessionToken }: StoredKeys): string {
  const fields = [accessKeyId, secretAccessKey, ...(sessionToken ? [sessionToken] : [])];
  return new TextEncoder().encode(JSON.stringify(fields)).toBase64();
}

/** Undefined for what `encodeKeys` has not made. */
export function decodeKeys(text: string): StoredKeys | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text.trim());
    const fields: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!Array.isArray(fields) || !fields.every((field) => typeof field === "string")) {
      return undefined;
    }
    const [accessKeyId, secretAccessKey, sessionToken] = fields;
    if (!accessKeyId || !secretAccessKey) return undefined;
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
