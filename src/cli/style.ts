/** Colours for a terminal. */

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Select Graphic Rendition (ECMA-48 8.3.117): `on` and `off` are its parameters. */
function rendition(on: number, off: number): (text: string) => string {
  return (text) => `\x1b[${on}m${text}\x1b[${off}m`;
}

export const STYLED: Style = {
  bold: rendition(1, 22),
  dim: rendition(2, 22),
  red: rendition(31, 39),
  green: rendition(32, 39),
  yellow: rendition(33, 39),
};

const same = (text: string): string => text;

/** No colours. */
export const PLAIN: Style = { bold: same, dim: same, red: same, green: same, yellow: same };
