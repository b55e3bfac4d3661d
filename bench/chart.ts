/** The ratios as a picture: a bar for each row and network, on a logarithmic scale around 1. */
import { OURS, showNumber } from "./report.ts";
import { ROWS } from "./rows.ts";
import type { Sizes } from "./sizes.ts";
import { compare, type Figure } from "./statistics.ts";

const LABEL_WIDTH = 440;
const PLOT_WIDTH = 480;
const BAR_HEIGHT = 9;
const ROW_HEIGHT = 30;
const TOP = 46;
/** The scale's ends: what is beyond is cut off there. */
const RATIO_MAX = 64;
const TICKS = [1 / 64, 1 / 16, 1 / 4, 1, 4, 16, 64];
const COLORS = { near: "#3b76af", far: "#e08a2e" } as const;

/** An SVG document. */
export function renderChart(figures: readonly Figure[], sizes: Sizes): string {
  const rows = ROWS.flatMap((row) => {
    const bars = (["near", "far"] as const).flatMap((network) => {
      const here = figures.filter((figure) => figure.row === row.id && figure.network === network);
      const ours = here.find(({ peer }) => peer === OURS);
      const others = here.filter(({ peer }) => peer !== OURS);
      const comparison = ours === undefined ? undefined : compare(row, ours, others);
      return comparison === undefined ? [] : [{ network, ...comparison }];
    });
    return bars.length === 0 ? [] : [{ title: row.title(sizes), bars }];
  });
  const width = LABEL_WIDTH + PLOT_WIDTH + 130;
  const height = TOP + rows.length * ROW_HEIGHT + 10;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(12, 18, "Cloudmount to the best of the others; right of 1 is ahead", "#222222"),
    text(LABEL_WIDTH, 18, "■ near", COLORS.near),
    text(LABEL_WIDTH + 60, 18, "■ far", COLORS.far),
    ...TICKS.flatMap((ratio) => {
      const x = placeOf(ratio);
      const label = ratio < 1 ? `1/${1 / ratio}` : `${ratio}`;
      const color = ratio === 1 ? "#222222" : "#dddddd";
      return [
        `<line x1="${x}" x2="${x}" y1="${TOP - 4}" y2="${height - 8}" stroke="${color}"/>`,
        text(x, TOP - 10, label, "#666666", "middle"),
      ];
    }),
    ...rows.flatMap(({ title, bars }, index) => {
      const y = TOP + index * ROW_HEIGHT;
      return [
        text(LABEL_WIDTH - 10, y + 16, title, "#222222", "end"),
        ...bars.flatMap(({ network, ratio, best }, place) =>
          renderBar(y + 4 + place * (BAR_HEIGHT + 2), ratio, best.peer, COLORS[network])
        ),
      ];
    }),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function renderBar(y: number, ratio: number, against: string, color: string): string[] {
  const [x, middle] = [placeOf(ratio), placeOf(1)];
  const label = `${showNumber(ratio)} ${against}`;
  const end = Math.max(x, middle) + 6;
  return [
    `<rect x="${Math.min(x, middle)}" y="${y}" width="${
      Math.abs(x - middle).toFixed(1)
    }" height="${BAR_HEIGHT}" fill="${color}"/>`,
    `<text x="${end}" y="${y + BAR_HEIGHT - 1}" font-size="10" fill="#444444">${
      escape(label)
    }</text>`,
  ];
}

function placeOf(ratio: number): number {
  const bounded = Math.min(RATIO_MAX, Math.max(1 / RATIO_MAX, ratio));
  const share = (Math.log2(bounded) / Math.log2(RATIO_MAX) + 1) / 2;
  return Number((LABEL_WIDTH + share * PLOT_WIDTH).toFixed(1));
}

function text(x: number, y: number, content: string, fill: string, anchor = "start"): string {
  return `<text x="${x}" y="${y}" fill="${fill}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
