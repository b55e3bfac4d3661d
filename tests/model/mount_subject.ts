/**
 * The model's operations in a folder of a real mount: a daemon, a kernel, and a program that uses it.
 * Each subject has a folder of its own, so that one mount serves many.
 */
import type { MountedBuckets } from "../support/mount_daemon.ts";
import { flushMount } from "../support/mount_flush.ts";
import { checkBucket } from "./check_bucket.ts";
import { MountWorker } from "./mount_worker.ts";
import { contentOf, type Operation, type Outcome, type Value } from "./operation.ts";
import type { ReferenceTree } from "./reference_tree.ts";
import { copyOf, isConflictCopy, type Subject } from "./subject.ts";

export class MountSubject implements Subject {
  readonly #mounted: MountedBuckets;
  readonly #ttlMs: number;
  readonly #folder: string;
  #worker: MountWorker;

  private constructor(mounted: MountedBuckets, ttlMs: number, folder: string) {
    this.#mounted = mounted;
    this.#ttlMs = ttlMs;
    this.#folder = folder;
    this.#worker = this.#start();
  }

  /** `ttlMs` is the mount's metadata_ttl: what other clients do is seen after so long. */
  static async open(mounted: MountedBuckets, ttlMs: number): Promise<MountSubject> {
    const folder = `run-${crypto.randomUUID().slice(0, 8)}`;
    await using above = new MountWorker(mounted.path());
    const made = await above.apply({ op: "mkdir", path: folder });
    if ("error" in made) throw new Error(`Cannot make a folder in the mount: ${made.message}`);
    return new MountSubject(mounted, ttlMs, folder);
  }

  async apply(operation: Operation): Promise<Outcome> {
    switch (operation.op) {
      case "remotePut":
      case "remoteDelete":
        await this.#flush();
        await this.#remote(operation.path, operation.op === "remotePut" ? operation : "delete");
        await this.#passTtl();
        return { value: null };
      case "race":
        return { value: await this.#race(operation) };
      case "restart":
        await this.#worker.apply({ op: "closeAll" });
        await this.#worker[Symbol.asyncDispose]();
        if (operation.how === "kill") await this.#mounted.kill();
        else await this.#mounted.stop();
        await this.#mounted.start();
        this.#worker = this.#start();
        return { value: null };
      // The kernel forgets when it wants to, and time passes by itself.
      case "forget":
      case "pass":
        return { value: null };
      default:
        return await this.#worker.apply(operation);
    }
  }

  async verify(tree: ReferenceTree): Promise<void> {
    await this.#flush();
    const other = this.#mounted.other();
    const prefix = `${this.#folder}/`;
    await checkBucket(tree, {
      list: async () => {
        const keys = [...await other.list(prefix)].map(([key, size]) =>
          [key.slice(prefix.length), size] as const
        );
        return new Map(keys.filter(([key]) => key !== ""));
      },
      get: (key) => other.get(prefix + key),
      metadata: async (key) => (await other.head(prefix + key))?.metadata ?? {},
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }

  #start(): MountWorker {
    return new MountWorker(`${this.#mounted.path()}/${this.#folder}`);
  }

  #flush(): Promise<void> {
    return flushMount(this.#mounted);
  }

  async #remote(
    path: string,
    what: "delete" | { readonly size: number; readonly fill: number },
  ): Promise<void> {
    const key = `${this.#folder}/${path}`;
    if (what === "delete") await this.#mounted.other().delete(key);
    else await this.#mounted.other().put(key, contentOf(what));
  }

  async #passTtl(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#ttlMs + 100));
  }

  async #race({ path, remote, local }: Extract<Operation, { op: "race" }>): Promise<Value> {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
    await this.#flush();
    await this.#passTtl();
    // Seen now, and believed for the time to live.
    const before = new Set(await this.#names(folder));
    const seenMs = performance.now();
    await this.#remote(path, remote);
    if (local === "unlink") {
      await this.#worker.apply({ op: "unlink", path });
    } else {
      const slot = -1;
      const how = { access: "w", create: true, trunc: true } as const;
      const opened = await this.#worker.apply({ op: "open", slot, path, how });
      if ("error" in opened) throw new Error(`Cannot open "${path}": ${opened.message}`);
      await this.#worker.apply({ op: "write", slot, at: 0, ...local });
      await this.#worker.apply({ op: "close", slot });
    }
    const late = performance.now() - seenMs > this.#ttlMs / 2;
    await this.#flush();
    await this.#passTtl();
    const after = await this.#names(folder);
    const copies = after.filter((found) => !before.has(found) && isConflictCopy(found, name));
    for (const copy of copies) {
      const old = path.slice(0, -name.length) + copy;
      await this.#worker.apply({ op: "rename", path: old, to: copyOf(path), flags: 0 });
    }
    return { copies: copies.length, late };
  }

  async #names(folder: string): Promise<string[]> {
    const listed = await this.#worker.apply({ op: "list", path: folder });
    if ("error" in listed) throw new Error(`Cannot list "${folder}": ${listed.message}`);
    return (listed.value as string[]).map((line) => line.slice(0, line.lastIndexOf(" ")));
  }
}
