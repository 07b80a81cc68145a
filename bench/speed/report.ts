// What a run found, as Markdown.

import { table } from "../support/markdown.ts";
import { type Goal, isMet } from "./goals.ts";
import { type Case, efficiency } from "./measure.ts";

/** Cases that are compared with one of their contenders. */
export interface Table {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  /** The contender whose time is given; of the others, how many times as long they take. */
  readonly base: string;
  readonly cases: readonly Case[];
}

/** A table of a program of its own, as it prints it. */
export interface Printed {
  readonly title: string;
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly goals?: readonly Goal[];
}

/** Everything that one runtime found. */
export interface Run {
  readonly runtime: string;
  readonly machine: string;
  readonly date: string;
  readonly command: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly tables: readonly Table[];
  readonly printed: readonly Printed[];
  readonly goals: readonly Goal[];
}

const grid = (head: readonly string[], rows: readonly (readonly string[])[]): string => table(head, rows, "numbers");

const number = (value: number): string =>
  !Number.isFinite(value)
    ? ""
    : value >= 100
    ? value.toFixed(0)
    : value >= 10
    ? value.toFixed(1)
    : value.toPrecision(3);

function cell({ times, missing }: Case, base: string, name: string): string {
  if (missing?.[name] !== undefined) return missing[name];
  return number((times[name] ?? NaN) / (times[base] ?? NaN));
}

function section({ title, note, base, cases }: Table): string {
  const names = [
    ...new Set(cases.flatMap(({ times, missing }) => [...Object.keys(times), ...Object.keys(missing ?? {})])),
  ]
    .filter((name) => name !== base);
  const counted = cases.some(({ flops }) => flops > 0), noted = cases.some((one) => one.note !== undefined);
  const head = [
    "",
    `${base}, ms`,
    ...(counted ? ["of the peak", "peak, GF/s"] : []),
    ...names,
    ...(noted ? ["note"] : []),
  ];
  const rows = cases.map((one) => [
    one.what,
    number(one.times[base] ?? NaN),
    ...(counted ? [`${(100 * efficiency(one, base)).toFixed(0)} %`, number(one.peak)] : []),
    ...names.map((name) => cell(one, base, name)),
    ...(noted ? [one.note ?? ""] : []),
  ]);
  return `### ${title}\n\n${note}\n\n${grid(head, rows)}`;
}

const printedSection = ({ title, note, columns, rows }: Printed): string =>
  `### ${title}\n\n${note}\n\n${grid(columns, rows.map((row) => row.map(String)))}`;

const shown = (value: number, unit: Goal["unit"]): string => unit === "%" ? `${value.toFixed(0)} %` : value.toFixed(2);

/** Goals, met and missed. */
export function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => [
    goal.what,
    shown(goal.value, goal.unit),
    `${goal.wanted === "least" ? "≥" : "≤"} ${shown(goal.bound, goal.unit)}`,
    isMet(goal) ? "✓" : "✗",
  ]);
  return grid(["", "measured", "goal", ""], rows);
}

function runReport({ runtime, machine, date, command, versions, tables, printed, goals }: Run): string {
  const met = goals.filter(isMet).length;
  const libraries = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return [
    `## ${runtime}`,
    `\`${command}\`, ${date}, ${machine}, one thread. ${libraries}.`,
    ...tables.map(section),
    ...printed.map(printedSection),
    `### Goals: ${met} of ${goals.length} met`,
    goalTable(goals),
  ].join("\n\n");
}

/** The page of all runtimes. */
export const page = (runs: readonly Run[]): string =>
  `# Speed

Written by \`npm run bench\` (\`-- --runtime deno\`, \`-- --runtime bun\`, \`-- --all\` for the other runtimes) from
bench/speed/results.json. Best times of interleaved rounds; the first number is in milliseconds, the others are how many times as
long as that a contender takes: above 1, it is slower. The peak is that of 128-bit arithmetic in registers, measured in the
same rounds. B×D×C: batch, features, classes.

${runs.map(runReport).join("\n\n")}
`;
