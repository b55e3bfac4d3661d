/**
 * The buffers that requests are read into. A WRITE keeps its buffer until its bytes are taken over, so
 * their number bounds the memory that waiting writes hold. They are made when first needed.
 */
export interface RequestBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
}

export class RequestBuffers {
  readonly #size: number;
  readonly #limit: number;
  readonly #free: RequestBuffer[] = [];
  #made = 0;

  constructor(size: number, limit: number) {
    this.#size = size;
    this.#limit = limit;
  }

  get hasFree(): boolean {
    return this.#free.length > 0 || this.#made < this.#limit;
  }

  /** A buffer, unless `limit` of them are out. */
  take(): RequestBuffer | undefined {
    const free = this.#free.pop();
    if (free !== undefined || this.#made === this.#limit) return free;
    this.#made++;
    const memory = new ArrayBuffer(this.#size);
    return { bytes: new Uint8Array(memory), view: new DataView(memory) };
  }

  give(buffer: RequestBuffer): void {
    this.#free.push(buffer);
  }
}
