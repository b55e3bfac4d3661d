/**
 * Reading ahead across files: when the files of a directory are read in the order of its listing (cat *,
 * cp -r, grep -r, tar), the next ones are fetched while this one is read. Each costs the one GET that it
 * would cost anyway; what is saved is waiting for one after the other.
 *
 * Files are fetched ahead from the second one in order on: as many as were read in order so far, up to
 * `FILES_MAX`, and as many bytes, so that a wrong guess costs no more than what was right before. A walk
 * that has come to the end of a directory goes on so in the next one. Each file left out takes trust
 * away; reading something else ends it, and what is under way is aborted.
 *
 * Invariant: an inode is `fetchedAhead` exactly while it is in the `ahead` of a stream.
 */
import { BLOCK_SIZE } from "../cache/block.ts";
import type { Prefetch } from "../cache/fetch_run.ts";
import type { ListedFile } from "../listings/listing.ts";
import type { FileHandle } from "./handle_table.ts";
import type { DirectoryInode, FileInode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Volume } from "./volume.ts";

const MIB = 2 ** 20;
const FILES_MAX = 32;
/** Over all streams. */
const BYTES_MAX = 64 * MIB;
/** Of a larger file, as long as such ones were not read to their ends. */
const HEAD_BYTES = MIB;
/** Of any file; what is behind comes when the file is read. */
const FILE_BYTES_MAX = 8 * MIB;
/** The second file of a stream is one of so many behind the first one. */
const GAP_MAX = 2;
/** Trust, in files read in order: its limits, and what each one that was fetched in vain takes from it. */
const TRUST_MIN = -32;
const TRUST_MAX = 2 * FILES_MAX;
const PENALTY = 8;
/** Files left out that are still waited for; more when several threads read, which is not quite in order. */
const LATE_MAX = 2;
const LATE_OF_THREADS_MAX = 16;
/** So many of a stream's files are open at most when one thread reads: the kernel tells of closes later. */
const OPEN_OF_THREAD_MAX = 2;
/** A stream of so many files survives some others in between. */
const PROVEN_FILES = 8;
const STRAYS_MAX = 3;
const STREAMS_MAX = 16;
const IDLE_MS = 10_000;

/** A file that was fetched ahead. */
interface Fetched {
  readonly inode: FileInode;
  readonly prefetch: Prefetch;
  readonly bytes: number;
}

/** Files of one directory that are read in order. */
interface Stream {
  readonly directory: DirectoryInode;
  /** The files expected next, in order; those that had not to be fetched are undefined. */
  readonly ahead: Map<string, Fetched | undefined>;
  aheadBytes: number;
  /** The last name that was looked at. */
  front: string;
  /** There is nothing behind `front`. */
  isAtEnd: boolean;
  /** Files read in order, and their bytes, less what was fetched in vain several times over. */
  files: number;
  bytes: number;
  /** Handles of its files. */
  open: number;
  hasThreads: boolean;
  /** Other files read since the last one in order. */
  strays: number;
  lastMs: number;
}

export class SiblingReadahead {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  /** The one that went on last at the end. */
  readonly #streams = new Map<DirectoryInode, Stream>();
  #latest: Stream | undefined;
  /** The streams of what is open. */
  readonly #streamsOf = new Map<FileHandle, Stream>();
  #aheadBytes = 0;
  /** How much is fetched of a large file. */
  #largeBytes = HEAD_BYTES;

  constructor(volume: Volume, namespace: Namespace) {
    this.#volume = volume;
    this.#namespace = namespace;
  }

  /** A handle is read for the first time. To be called when what it needs itself is under way. */
  firstRead(handle: FileHandle): void {
    const { parent, source, name, local } = handle.inode;
    if (parent === undefined || source === undefined || local) return;
    const now = this.#volume.options.clock.monotonicMs();
    const stream = this.#goingOn(parent, name) ?? this.#begun(parent, name);
    if (stream === undefined) return;
    stream.files = Math.min(TRUST_MAX, stream.files + 1);
    stream.bytes = Math.min(2 * BYTES_MAX, stream.bytes + Math.min(source.size, FILE_BYTES_MAX));
    stream.open++;
    stream.hasThreads ||= stream.open > OPEN_OF_THREAD_MAX;
    stream.lastMs = now;
    this.#streamsOf.set(handle, stream);
    this.#streams.delete(parent);
    this.#streams.set(parent, stream);
    this.#latest = stream;
    this.#endOldest(now);
    this.#extend(stream);
  }

  /** A handle is closed. */
  closed(handle: FileHandle): void {
    const { inode, reader } = handle;
    if (inode.size > HEAD_BYTES && reader.readTo > 0) {
      this.#largeBytes = reader.readTo >= inode.size ? FILE_BYTES_MAX : HEAD_BYTES;
    }
    const stream = this.#streamsOf.get(handle);
    if (stream === undefined) return;
    stream.open--;
    this.#streamsOf.delete(handle);
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#streams.values()) this.#end(stream);
  }

  /** The stream in which the file was expected. */
  #goingOn(directory: DirectoryInode, name: string): Stream | undefined {
    const stream = this.#streams.get(directory);
    if (stream === undefined || !stream.ahead.has(name)) return undefined;
    const late = [...stream.ahead.keys()];
    late.length = late.indexOf(name);
    this.#take(stream, name);
    stream.strays = 0;
    const lateMax = stream.hasThreads ? LATE_OF_THREADS_MAX : LATE_MAX;
    for (const other of late.slice(0, -lateMax)) this.#drop(stream, other);
    if (stream.files <= 1) {
      for (const other of [...stream.ahead.keys()]) this.#drop(stream, other);
      stream.front = name;
    }
    return stream;
  }

  /** A new stream that begins with the file; undefined when an old one still counts for more. */
  #begun(directory: DirectoryInode, name: string): Stream | undefined {
    const old = this.#streams.get(directory);
    const files = Math.min(0, old?.files ?? 0);
    if (old !== undefined) {
      if (old.files >= PROVEN_FILES && ++old.strays <= STRAYS_MAX) return undefined;
      this.#end(old);
    }
    const stream: Stream = {
      directory,
      ahead: new Map(),
      aheadBytes: 0,
      front: name,
      isAtEnd: false,
      files,
      bytes: 0,
      open: 0,
      hasThreads: false,
      strays: 0,
      lastMs: 0,
    };
    const { listings } = this.#volume.options;
    const before = this.#latest;
    const [first] = listings.peekFollowing(directory.prefix, undefined, 1);
    if (before?.isAtEnd === true && before.ahead.size === 0 && first?.[0] === name) {
      stream.files = before.files;
      stream.bytes = before.bytes;
    }
    return stream;
  }

  /** Notes which files are expected next, and fetches them as far as the stream has proved right. */
  #extend(stream: Stream): void {
    const { directory, ahead, files } = stream;
    const isTrusted = files > 1;
    const wanted = (isTrusted ? Math.min(files, FILES_MAX) : GAP_MAX) - ahead.size;
    if (wanted <= 0) return;
    const next = this.#volume.options.listings
      .peekFollowing(directory.prefix, stream.front, wanted);
    stream.isAtEnd = next.length < wanted;
    for (const [name, entry] of next) {
      if (!isTrusted) ahead.set(name, undefined);
      else if (entry.kind === "file" && entry.size > 0 && !this.#expect(stream, name, entry)) {
        return;
      }
      stream.front = name;
    }
  }

  /** False when there is no room for the file yet. */
  #expect(stream: Stream, name: string, entry: ListedFile): boolean {
    const bytes = Math.min(entry.size, entry.size <= HEAD_BYTES ? HEAD_BYTES : this.#largeBytes);
    if (stream.aheadBytes + bytes > stream.bytes + HEAD_BYTES) return false;
    const bytesMax = Math.min(BYTES_MAX, this.#volume.options.blocks.limitBytes / 4);
    if (this.#aheadBytes + bytes > bytesMax) return false;
    const inode = this.#namespace.resolve(stream.directory, name, entry);
    if (inode?.kind !== "file" || inode.local || inode.isSymlink || inode.fetchedAhead) return true;
    const { blocks } = this.#volume.options;
    const prefetch = blocks.prefetch(inode.source!, 0, Math.ceil(bytes / BLOCK_SIZE));
    if (prefetch === undefined) {
      stream.ahead.set(name, undefined);
      this.#volume.inodes.release(inode);
      return true;
    }
    inode.fetchedAhead = true;
    stream.ahead.set(name, { inode, prefetch, bytes });
    stream.aheadBytes += bytes;
    this.#aheadBytes += bytes;
    return true;
  }

  /** The file is read now; what is still under way of it is the reader's. */
  #take(stream: Stream, name: string): Fetched | undefined {
    const fetched = stream.ahead.get(name);
    stream.ahead.delete(name);
    if (fetched === undefined) return undefined;
    stream.aheadBytes -= fetched.bytes;
    this.#aheadBytes -= fetched.bytes;
    fetched.inode.fetchedAhead = false;
    this.#volume.inodes.release(fetched.inode);
    return fetched;
  }

  /** The file was left out. */
  #drop(stream: Stream, name: string): void {
    const fetched = this.#take(stream, name);
    if (fetched === undefined) return;
    fetched.prefetch.release();
    stream.files = Math.max(TRUST_MIN, stream.files - PENALTY);
    stream.bytes = Math.max(0, stream.bytes - PENALTY * fetched.bytes);
  }

  #end(stream: Stream): void {
    for (const name of [...stream.ahead.keys()]) this.#drop(stream, name);
    this.#streams.delete(stream.directory);
  }

  #endOldest(now: number): void {
    for (const stream of this.#streams.values()) {
      if (this.#streams.size <= STREAMS_MAX && now - stream.lastMs <= IDLE_MS) return;
      this.#end(stream);
    }
  }
}
