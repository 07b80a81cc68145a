// The tables of the comparison.

import { table } from "../support/markdown.ts";
import { overview, standing } from "./overview.ts";
import { bestRow, entryOf, named, type Report, rowsOf, shown } from "./rows.ts";
import { scoresAt, spreadAt } from "./statistics.ts";
import { BATCH, type Task } from "./tasks.ts";
import { TFJS } from "./timing.ts";
import type { Score } from "./training.ts";
import { multiplyAdds } from "./work.ts";

/** The columns of a task's table: accuracy and loss after each epoch, calibration after the last. */
function columnsOf(
  { epochs }: Task,
): readonly { readonly what: keyof Score; readonly epoch: number; readonly digits: number }[] {
  return [
    ...epochs.map((epoch) => ({ what: "accuracy", epoch, digits: 4 }) as const),
    ...epochs.map((epoch) => ({ what: "loss", epoch, digits: 3 }) as const),
    ...epochs.slice(-1).map((epoch) => ({ what: "ece", epoch, digits: 3 }) as const),
  ];
}

function taskTable(report: Report, task: Task): string {
  const rows = rowsOf(report, task), columns = columnsOf(task);
  const best = columns.map(({ what, epoch }) => bestRow(rows, epoch, what));
  const lines = rows.map((row) => {
    const cells = columns.map(({ what, epoch, digits }, i) => {
      const spread = spreadAt(row, epoch, what);
      if (spread === null) return scoresAt(row, epoch) === null ? "failed" : "";
      return best[i] === row ? `**${shown(spread, digits)}**` : shown(spread, digits);
    });
    const { knob } = row.method;
    return [named(row), knob === null ? "nothing" : `${knob.name} ${row.value}`, ...cells];
  });
  return table(["", "chosen", ...columns.map(({ what, epoch }) => `${what === "ece" ? "ECE" : what} ${epoch}`)], lines);
}

/** The plots of a task, as `writePlots` writes them. */
function images({ times }: Report, { id, title, methods }: Task): string[] {
  const kinds = methods !== null ? [] : times[id] === undefined ? ["epochs"] : ["epochs", "seconds"];
  return kinds.map((kind) => `![${title}: test accuracy against ${kind}](plots/${id}.${kind}.svg)`);
}

function costs(report: Report): string {
  const { methods, times, machine } = report, tasks = report.tasks.filter((task) => task.methods === null);
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

/** The grids of tasks: how many values, which was chosen, and where the best lies at an edge still. */
function grids(report: Report, tasks: readonly Task[]): string {
  const tuned = report.methods.filter((method) =>
    method.knob !== null && tasks.some((task) => entryOf(report, task, method)?.chosen)
  );
  const lines = tasks.map((task) => [
    task.title,
    ...tuned.map((method) => {
      const entry = entryOf(report, task, method);
      if (entry === undefined || entry.chosen === null) return "";
      const values = entry.trials.map(({ value }) => value), low = Math.min(...values), high = Math.max(...values);
      const mark = (value: number): string => (value === low || value === high ? `${value} (edge)` : `${value}`);
      const { averaged, last } = entry.chosen;
      const chosen = averaged === last ? mark(last) : `${mark(averaged)} averaged, ${mark(last)} not`;
      return `${chosen}; of ${values.length} in ${low} … ${high}`;
    }),
  ]);
  return table(["", ...tuned.map(({ title, knob }) => `${title}: ${knob?.name}`)], lines);
}

/** All tables, by the name of their part in a page. */
export function tables(report: Report): Readonly<Record<string, string>> {
  const done = report.tasks.filter((task) => rowsOf(report, task).length > 0);
  const part = { ...report, tasks: done };
  const sections = done.map((task) => [`### ${task.title}`, taskTable(part, task), ...images(part, task)].join("\n\n"));
  const groups = [false, true].map((settled) => done.filter((task) => task.settled === settled));
  return {
    overview: overview(part),
    standing: standing(part),
    tasks: sections.join("\n\n"),
    costs: costs(part),
    grids: groups.filter(({ length }) => length > 0).map((tasks) => grids(part, tasks)).join("\n\n"),
  };
}
