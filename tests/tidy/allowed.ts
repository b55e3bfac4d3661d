/**
 * Offences that stay for now, each with its reason. The list may only shrink: an entry that is not
 * needed any more is an offence itself. A path that ends with "/" stands for the files in it.
 */
export type Allowed = Readonly<Record<string, string>>;

/** Source files that no test imports. */
export const WITHOUT_TEST: Allowed = {
  "src/daemon/daemon.ts": "the whole daemon: started as a process by tests/daemon and tests/mount",
  "src/wiring/": "puts the rooms together: real in tests/daemon and tests/mount",
};

/** Source files that only tests import. */
export const ONLY_IN_TESTS: Allowed = {
  "src/s3/stores/memory.ts":
    "the contract of ObjectStore in its plainest form, under all unit tests",
};
