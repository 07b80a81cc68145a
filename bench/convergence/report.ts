// The tables of the comparison, and what they say.

import { table } from "../support/markdown.ts";
import type { Method } from "./methods.ts";
import type { Entry, Results } from "./results.ts";
import { type Kind, KINDS, type Row, rowOf, type Spread, spreadAt } from "./statistics.ts";
import { BATCH, type Task } from "./tasks.ts";
import { TFJS, type Times } from "./timing.ts";
import type { Score } from "./training.ts";
import { multiplyAdds } from "./work.ts";

/** Epochs of the tables. */
const EPOCHS = [1, 2, 5];

/** What there is to report on. */
export interface Report {
  readonly tasks: readonly Task[];
  readonly methods: readonly Method[];
  readonly results: Results;
  /** Times of steps by task, as far as they were taken. */
  readonly times: Readonly<Record<string, Times>>;
  /** What they were taken on; empty before. */
  readonly machine: string;
}

/** .9123, 1.204. */
const short = (value: number, digits: number): string => value.toFixed(digits).replace(/^0\./, ".");

const shown = ({ mean, deviation }: Spread, digits: number): string =>
  `${short(mean, digits)} ± ${short(deviation, digits)}`;

/** The parameters that a method gives by itself go by its title alone. */
function named({ method: { title, averages }, kind }: Row): string {
  return averages === (kind === "averaged") ? title : averages ? `${title}, not averaged` : `${title}, averaged`;
}

function entryOf({ results }: Report, task: Task, method: Method): Entry | undefined {
  return results[task.id]?.[method.id];
}

/** The rows of a task's methods that have runs. */
function rowsOf(report: Report, task: Task, methods: readonly Method[], kinds: readonly Kind[] = KINDS): Row[] {
  return methods.flatMap((method) => {
    const entry = entryOf(report, task, method);
    return entry === undefined ? [] : kinds.map((kind) => rowOf(method, kind, entry));
  }).filter(({ runs }) => runs.length > 0);
}

/** The columns of a task's table: accuracy, then loss, after each epoch. */
const COLUMNS: readonly { readonly what: keyof Score; readonly epoch: number; readonly digits: number }[] = [
  ...EPOCHS.map((epoch) => ({ what: "accuracy", epoch, digits: 4 }) as const),
  ...EPOCHS.map((epoch) => ({ what: "loss", epoch, digits: 3 }) as const),
];

/** The row with the best mean; undefined where none has one. */
function bestRow(rows: readonly Row[], epoch: number, what: keyof Score): Row | undefined {
  const sign = what === "loss" ? -1 : 1;
  const value = (row: Row): number => {
    const spread = spreadAt(row, epoch, what);
    return spread === null || !Number.isFinite(spread.mean) ? -Infinity : sign * spread.mean;
  };
  const best = [...rows].sort((a, b) => value(b) - value(a))[0];
  return best === undefined || value(best) === -Infinity ? undefined : best;
}

function taskTable(report: Report, task: Task): string {
  const rows = rowsOf(report, task, report.methods);
  const best = COLUMNS.map(({ what, epoch }) => bestRow(rows, epoch, what));
  const lines = rows.map((row) => {
    const cells = COLUMNS.map(({ what, epoch, digits }, i) => {
      const spread = spreadAt(row, epoch, what);
      if (spread === null) return "failed";
      return best[i] === row ? `**${shown(spread, digits)}**` : shown(spread, digits);
    });
    const { knob } = row.method;
    return [named(row), knob === null ? "nothing" : `${knob.name} ${row.value}`, ...cells];
  });
  return table(["", "chosen", ...COLUMNS.map(({ what, epoch }) => `${what} ${epoch}`)], lines);
}

/** The plots of a task, as `writePlots` writes them. */
function images({ times }: Report, { id, title }: Task): string[] {
  const kinds = times[id] === undefined ? ["epochs"] : ["epochs", "seconds"];
  return kinds.map((kind) => `![${title}: test accuracy against ${kind}](plots/${id}.${kind}.svg)`);
}

/** robust() as it is used, against the best of the baselines. */
function duel(report: Report, task: Task, epoch: number, what: keyof Score = "accuracy") {
  const robust = rowsOf(report, task, report.methods.filter(({ id }) => id === "robust"), ["averaged"])[0];
  const baseline = bestRow(rowsOf(report, task, report.methods.filter(({ ours }) => !ours)), epoch, what);
  if (robust === undefined || baseline === undefined) return null;
  const ours = spreadAt(robust, epoch, what), theirs = spreadAt(baseline, epoch, what);
  return ours === null || theirs === null ? null : { ours, theirs, baseline };
}

function overview(report: Report): string {
  const lines = report.tasks.flatMap((task) => {
    const cells = EPOCHS.flatMap((epoch) => {
      const seen = duel(report, task, epoch);
      if (seen === null) return [];
      const { ours, theirs, baseline } = seen, ahead = ours.mean >= theirs.mean;
      const us = shown(ours, 4), them = shown(theirs, 4);
      return [ahead ? `**${us}**` : us, `${ahead ? them : `**${them}**`} (${named(baseline)})`];
    });
    return cells.length === 0 ? [] : [[task.title, ...cells]];
  });
  return table(["", ...EPOCHS.flatMap((epoch) => [`robust() ${epoch}`, `best tuned baseline ${epoch}`])], lines);
}

/** Every place where a tuned baseline is ahead of robust(), and by how much. */
function behind(report: Report, what: keyof Score, digits: number): string {
  let cells = 0;
  const places = report.tasks.flatMap((task) =>
    EPOCHS.flatMap((epoch) => {
      const seen = duel(report, task, epoch, what);
      if (seen === null) return [];
      cells++;
      const { ours, theirs, baseline } = seen, sign = what === "loss" ? -1 : 1;
      if (sign * ours.mean >= sign * theirs.mean) return [];
      const figures = `${short(theirs.mean, digits)} against ${short(ours.mean, digits)}`;
      return [`${task.title}, epoch ${epoch} (${named(baseline)}: ${figures})`];
    })
  );
  const list = places.length === 0 ? "." : `:\n\n${places.map((place) => `- ${place}`).join("\n")}`;
  return `By ${what}, a tuned baseline is ahead of \`robust()\` in ${places.length} of ${cells} cases${list}`;
}

function costs(report: Report): string {
  const { tasks, methods, times, machine } = report;
  const timed = methods.filter(({ id }) => id !== "robust-chosen");
  const work = (id: string, { sizes }: Task): string =>
    id === TFJS.id ? "" : `${(multiplyAdds(id, sizes, BATCH) / 1e6).toFixed(1)} M`;
  const lines = [...timed, TFJS].map(({ id, title }) => [
    title,
    ...tasks.map((task) => {
      const time = times[task.id]?.[id];
      return [work(id, task), time === undefined ? "" : `${time.toFixed(2)} ms`].filter((part) => part !== "").join(
        ", ",
      );
    }),
  ]).filter((cells) => cells.some((cell, i) => i > 0 && cell !== ""));
  const where = machine === "" ? "Times have not been taken." : `Times on ${machine}, one thread.`;
  return `${table(["", ...tasks.map(({ title }) => title)], lines)}\n\n${where}`;
}

/** The grids: how many values, which was chosen, and where the best lies at an edge still. */
function grids(report: Report): string {
  const tuned = report.methods.filter(({ knob }) => knob !== null);
  const tasks = report.tasks.filter((task) => tuned.some((method) => entryOf(report, task, method)?.chosen));
  const lines = tuned.map((method) => [
    `${method.title}: ${method.knob?.name}`,
    ...tasks.map((task) => {
      const entry = entryOf(report, task, method);
      if (entry === undefined || entry.chosen === null) return "";
      const values = entry.trials.map(({ value }) => value), low = Math.min(...values), high = Math.max(...values);
      const mark = (value: number): string => (value === low || value === high ? `${value} (edge)` : `${value}`);
      const { averaged, last } = entry.chosen;
      const chosen = averaged === last ? mark(last) : `${mark(averaged)} averaged, ${mark(last)} not`;
      return `${chosen}; of ${values.length} in ${low} … ${high}`;
    }),
  ]);
  return table(["", ...tasks.map(({ title }) => title)], lines);
}

/** All tables, by the name of their part in the README. */
export function tables(report: Report): Readonly<Record<string, string>> {
  const done = report.tasks.filter((task) => rowsOf(report, task, report.methods).length > 0);
  const part = { ...report, tasks: done };
  return {
    overview: [overview(part), behind(part, "accuracy", 4), behind(part, "loss", 3)].join("\n\n"),
    tasks: done.map((task) => [`### ${task.title}`, taskTable(part, task), ...images(part, task)].join("\n\n")).join(
      "\n\n",
    ),
    costs: costs(part),
    grids: grids(part),
  };
}
