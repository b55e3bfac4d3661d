import { printable } from "./printable.ts";
import type { Style } from "./style.ts";

export interface TableColumn {
  readonly title: string;
  /** Numbers read better to the right. */
  readonly align?: "left" | "right";
}

/**
 * Rows under a head, columns as wide as their widest cell. `colour` may dress a cell after it was
 * padded. Widths count code points; cells are made printable.
 */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
  colour: (cell: string, column: number, row: number) => string = (cell) => cell,
): string {
  const cells = rows.map((row) => row.map((cell) => printable(cell).replaceAll("\n", " ")));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => [...(row[index] ?? "")].length))
  );
  const pad = (text: string, index: number) => {
    const space = " ".repeat(widths[index]! - [...text].length);
    if (columns[index]!.align === "right") return space + text;
    return index === columns.length - 1 ? text : text + space;
  };
  const head = columns.map((column, index) => style.bold(pad(column.title, index)));
  const lines = cells.map((row, rowIndex) =>
    columns.map((_, index) => colour(pad(row[index] ?? "", index), index, rowIndex))
  );
  return [head, ...lines].map((line) => line.join("  ").trimEnd()).join("\n");
}
