import { errnoOf } from "../../src/vfs/errno_map.ts";

/** For `assert.rejects` and `assert.throws`: the kernel would be told this errno. */
export const failsWith = (errno: string) => (error: unknown) => errnoOf(error) === errno;
