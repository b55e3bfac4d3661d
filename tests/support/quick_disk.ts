/** A disk behind a block cache that has at once all that it is given, and gives nothing back. */
import type { BlockDisk, BlockToSave } from "../../src/cache/block_disk.ts";
import type { ObjectSource } from "../../src/cache/object_source.ts";

export class QuickDisk implements BlockDisk {
  readonly blocks = new Set<number>();

  has(_source: ObjectSource, index: number): boolean {
    return this.blocks.has(index);
  }

  readNow(): undefined {}

  warm(): Promise<void> {
    return Promise.resolve();
  }

  willNeed(): void {}

  read(): Promise<boolean> {
    return Promise.resolve(false);
  }

  save(_source: ObjectSource, index: number, block: BlockToSave): void {
    block.begin();
    this.blocks.add(index);
    block.end();
  }

  adopt(): boolean {
    return false;
  }

  roomFor(): number {
    return Infinity;
  }
}
