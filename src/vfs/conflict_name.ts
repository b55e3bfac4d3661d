/** What the copy of a conflict is called. */
import { NAME_MAX, utf8Size } from "../listings/names.ts";

/** What is longer, with its dot, belongs to the name. In bytes. */
const EXTENSION_MAX = 20;

/** The name of our version: `report (conflict laptop 2026-11-21 093005).odt`. Local time. */
export function conflictName(name: string, host: string, nowMs: number, number: number): string {
  const now = new Date(nowMs);
  const digits = (value: number) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}-${digits(now.getMonth() + 1)}-${digits(now.getDate())}`;
  const time = `${digits(now.getHours())}${digits(now.getMinutes())}${digits(now.getSeconds())}`;
  const again = number === 1 ? "" : ` ${number}`;
  const mark = ` (conflict ${host.replaceAll("/", "_")} ${date} ${time}${again})`;
  // A leading dot begins a name, not an extension.
  const dot = name.lastIndexOf(".");
  const hasExtension = dot > 0 && utf8Size(name.slice(dot)) <= EXTENSION_MAX;
  const extension = hasExtension ? name.slice(dot) : "";
  let stem = hasExtension ? name.slice(0, dot) : name;
  while (stem.length > 1 && utf8Size(stem + mark + extension) > NAME_MAX) {
    stem = [...stem].slice(0, -1).join("");
  }
  return stem + mark + extension;
}
