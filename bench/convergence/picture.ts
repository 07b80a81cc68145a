// The README's picture: robust() against tuned Adam on every task, as one SVG that is read without its caption. White
// ground, so that it is legible on dark pages, too.

import type { Method } from "./methods.ts";
import type { Report } from "./rows.ts";
import { rowOf, spreadAt } from "./statistics.ts";
import type { Task } from "./tasks.ts";

/** One of the two that are compared. */
interface Side {
  readonly id: string;
  readonly title: string;
  readonly colour: string;
  readonly filled: boolean;
}

/** Blue and vermilion of Okabe and Ito (2008), and a shape each: told apart without colours. */
const SIDES: readonly Side[] = [
  { id: "robust", title: "robust(), nothing chosen", colour: "#0072b2", filled: true },
  { id: "adam", title: "Adam, learning rate tuned", colour: "#d55e00", filled: false },
];
/** The panels, by the epoch that is shown. */
const PANELS = [
  { title: "after the first epoch", epoch: ({ epochs }: Task) => epochs[0] ?? 1 },
  { title: "after the last epoch", epoch: ({ epochs }: Task) => epochs.at(-1) ?? 1 },
] as const;
const INK = "#24292f", FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif";
/** Pixels: the names of tasks, a panel, the space between panels and beside them, heights of heading and row. */
const NAMES = 190, PANEL = 258, GAP = 44, EDGE = 18, HEAD = 98, ROW = 27, FOOT = 46;

/** Test accuracies of a task, in the order of the sides, panel by panel. */
interface Line {
  readonly title: string;
  readonly accuracies: readonly (readonly number[])[];
}

function accuracyOf(report: Report, task: Task, id: string, epoch: number): number | undefined {
  const method = report.methods.find((one: Method) => one.id === id);
  const entry = report.results[task.id]?.[id];
  if (method === undefined || entry === undefined) return undefined;
  return spreadAt(rowOf(method, "averaged", entry), epoch, "accuracy")?.mean;
}

/** The tasks on which both sides were scored in every panel. */
function linesOf(report: Report): Line[] {
  return report.tasks.flatMap((task) => {
    const accuracies = PANELS.map(({ epoch }) =>
      SIDES.flatMap(({ id }) => accuracyOf(report, task, id, epoch(task)) ?? [])
    );
    return accuracies.every(({ length }) => length === SIDES.length) ? [{ title: task.title, accuracies }] : [];
  });
}

const rounded = (value: number): number => Math.round(10 * value) / 10;

/** .912. */
const short = (value: number): string => value.toFixed(3).replace(/^0/, "");

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${rounded(x)}" y="${rounded(y)}" ${attributes}>${content}</text>`;
}

function mark(x: number, y: number, { colour, filled }: Side): string {
  const fill = filled ? colour : "white";
  return `<circle cx="${rounded(x)}" cy="${rounded(y)}" r="5" fill="${fill}" stroke="${colour}" stroke-width="2"/>`;
}

/** Both marks of a task with their numbers outside, and the line between them. */
function pair(y: number, accuracies: readonly number[], place: (accuracy: number) => number): string[] {
  const [ours, theirs] = accuracies as [number, number];
  const low = Math.min(ours, theirs), high = Math.max(ours, theirs);
  const label = (value: number, dx: number, anchor: string, side: Side): string =>
    text(place(value) + dx, y + 4, short(value), `text-anchor="${anchor}" fill="${side.colour}" font-size="11"`);
  const [left, right] = (ours < theirs ? SIDES : [...SIDES].reverse()) as [Side, Side];
  return [
    `<line x1="${rounded(place(low))}" x2="${
      rounded(place(high))
    }" y1="${y}" y2="${y}" stroke="${INK}" stroke-opacity=".35" stroke-width="2"/>`,
    ...SIDES.map((side, i) => mark(place(accuracies[i] as number), y, side)).reverse(),
    label(low, -10, "end", left),
    label(high, 10, "start", right),
  ];
}

/** The picture as the text of an SVG file. */
export function pictureOf(report: Report): string {
  const lines = linesOf(report), all = lines.flatMap(({ accuracies }) => accuracies.flat());
  const from = Math.floor(10 * Math.min(...all) - 0.5) / 10, to = 1;
  const ticks = Array.from({ length: Math.round(10 * (to - from)) + 1 }, (_, i) => from + i / 10);
  const width = NAMES + PANELS.length * PANEL + (PANELS.length - 1) * GAP + 2 * EDGE;
  const height = HEAD + lines.length * ROW + FOOT, bottom = HEAD + lines.length * ROW;
  const title = "Test accuracy of robust() and of tuned Adam";
  const panels = PANELS.flatMap(({ title }, k) => {
    const start = EDGE + NAMES + k * (PANEL + GAP);
    const place = (accuracy: number): number => start + PANEL * (accuracy - from) / (to - from);
    return [
      text(
        start + PANEL / 2,
        HEAD - 12,
        title,
        'text-anchor="middle" font-weight="600"',
      ),
      ...ticks.flatMap((tick) => [
        `<line x1="${rounded(place(tick))}" x2="${
          rounded(place(tick))
        }" y1="${HEAD}" y2="${bottom}" stroke="${INK}" stroke-opacity=".12"/>`,
        text(place(tick), bottom + 17, tick.toFixed(1).replace(/^0/, ""), 'text-anchor="middle"'),
      ]),
      ...lines.flatMap(({ accuracies }, i) => pair(HEAD + (i + 0.5) * ROW, accuracies[k] as readonly number[], place)),
      text(start + PANEL / 2, bottom + 35, "test accuracy", 'text-anchor="middle" fill-opacity=".8"'),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT}" font-size="12.5" fill="${INK}">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="white"/>`,
    text(EDGE, EDGE + 14, title, 'font-size="16" font-weight="600"'),
    ...SIDES.flatMap((side, i) => [
      mark(EDGE + 6 + i * 200, EDGE + 39, side),
      text(EDGE + 18 + i * 200, EDGE + 43, side.title),
    ]),
    text(EDGE, HEAD - 12, "data, widths of the layers", 'fill-opacity=".7"'),
    ...lines.map(({ title }, i) => text(EDGE, HEAD + (i + 0.5) * ROW + 4, title)),
    ...panels,
    "</svg>\n",
  ].join("\n");
}
