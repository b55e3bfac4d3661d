import { Slabs } from "../../src/cache/slabs.ts";

/** Counts the pieces that are out. */
export class CountingSlabs extends Slabs {
  out = 0;

  override take(): Uint8Array<ArrayBuffer> {
    this.out++;
    return super.take();
  }

  override give(piece: Uint8Array<ArrayBuffer>): void {
    this.out--;
    super.give(piece);
  }
}
