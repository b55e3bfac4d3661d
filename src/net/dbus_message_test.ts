import assert from "node:assert/strict";
import { type BusMessage, decodeMessage, encodeMessage, messageBytes } from "./dbus_message.ts";

Deno.test("a D-Bus message is decoded as it was encoded, and knows its length", () => {
  const messages: BusMessage[] = [
    { type: "call", path: "/a", interface: "a.b", member: "C", destination: "d.e", body: ["x", 7] },
    { type: "signal", path: "/a/b", interface: "a.b", member: "Sleep", body: [false] },
    { type: "error", error: "a.b.Failed", body: [] },
  ];
  for (const message of messages) {
    const bytes = encodeMessage(message, 3);
    assert.equal(messageBytes(bytes.slice(0, 16)), bytes.length);
    assert.deepEqual(decodeMessage(bytes), message);
  }
});

Deno.test("a D-Bus call is what the specification says, byte by byte", () => {
  const bytes = encodeMessage({ type: "call", path: "/p", member: "M", body: ["hi"] }, 1);
  // Head; path "/p"; member "M"; signature "s"; the text.
  assert.equal(
    bytes.toHex(),
    "6c010001" + "07000000" + "01000000" + "27000000" +
      "01016f00" + "02000000" + "2f700000" + "00000000" +
      "03017300" + "01000000" + "4d000000" + "00000000" +
      "08016700" + "01730000" +
      "02000000" + "686900",
  );
});
