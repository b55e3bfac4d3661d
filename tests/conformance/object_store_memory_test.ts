import { MemoryStore } from "../../src/s3/stores/memory.ts";
import { PrefixedStore } from "../../src/s3/stores/prefixed.ts";
import { objectStoreSuite } from "./object_store_suite.ts";

const skip = {
  "streams 1 GiB in and out within 64 MiB of memory": "this store is memory itself",
};

objectStoreSuite({
  name: "MemoryStore",
  skip,
  open: () =>
    Promise.resolve({
      store: new MemoryStore({ nowMs: () => Date.now() }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
});

objectStoreSuite({
  name: "PrefixedStore",
  skip: {
    ...skip,
    "refuses keys that cannot be asked for": "the prefix makes keys longer and never empty",
  },
  open: () =>
    Promise.resolve({
      store: new PrefixedStore(new MemoryStore({ nowMs: () => Date.now() }), "a/b +/"),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
});
