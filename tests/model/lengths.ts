/** How many steps a random test takes: few by itself, many where CLOUDMOUNT_LONG_TESTS is set. */
export function lengthOf(few: number, many: number): number {
  return Deno.env.get("CLOUDMOUNT_LONG_TESTS") === undefined ? few : many;
}
