// Plots of the comparison: test accuracy against epochs, and against the time of the steps.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { linePlot, type Point, type Series } from "../support/plot.ts";
import type { Method } from "./methods.ts";
import type { Report } from "./rows.ts";
import { type Row, rowOf, spreadAt } from "./statistics.ts";
import { BATCH, type Task } from "./tasks.ts";

/** Accuracies this far below the best are not shown. */
const SPAN = 0.25;

/** Mean accuracies with one deviation on either side, over x = scale · epochs. */
function pointsOf(row: Row, scale: number): Point[] {
  const epochs = row.runs[0]?.points.map(({ epoch }) => epoch) ?? [];
  return epochs.flatMap((epoch) => {
    const spread = spreadAt(row, epoch, "accuracy");
    if (spread === null) return [];
    const { mean, deviation } = spread;
    return [{ x: scale * epoch, y: mean, low: mean - deviation, high: mean + deviation }];
  });
}

/** The method with nothing chosen first; its chosen variant last, which has the same colour, dashed. */
function ordered(methods: readonly Method[]): Method[] {
  const last = methods.filter(({ id }) => id === "robust-chosen");
  return [...methods.filter((method) => !last.includes(method)), ...last];
}

/** A curve a method, of its averaged parameters. `scaleOf`: x of an epoch, undefined where it is not known. */
function seriesOf(report: Report, task: Task, scaleOf: (method: Method) => number | undefined): Series[] {
  return ordered(report.methods).flatMap((method) => {
    const entry = report.results[task.id]?.[method.id], scale = scaleOf(method);
    if (entry === undefined || scale === undefined) return [];
    const points = pointsOf(rowOf(method, "averaged", entry), scale);
    return points.length === 0 ? [] : [{ name: method.title, points }];
  });
}

function plotOf(task: Task, label: string, log: boolean, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points), best = Math.max(...all.map(({ y }) => y));
  const low = Math.max(Math.min(...all.map(({ y }) => y)), best - SPAN), room = (best - low) * 0.05;
  return linePlot({
    title: `${task.title}: test accuracy`,
    subtitle: "averaged parameters, mean and standard deviation of three seeds; lower accuracies are left out",
    x: { label, log },
    y: { label: "test accuracy", domain: [low - room, best + room] },
    series: series.map((one) => ({ ...one, points: one.points.filter(({ y }) => y >= low) })),
  });
}

/** Writes a plot against epochs for every task of all methods that has runs, and one against seconds where steps were timed. */
export function writePlots(report: Report, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const task of report.tasks.filter(({ methods }) => methods === null)) {
    const epochs = seriesOf(report, task, () => 1);
    if (epochs.length === 0) continue;
    writeFileSync(join(folder, `${task.id}.epochs.svg`), plotOf(task, "epochs", false, epochs));
    const times = report.times[task.id];
    if (times === undefined) continue;
    const perEpoch = Math.ceil(task.load().train.features.rows / BATCH);
    const seconds = seriesOf(report, task, ({ id }) => {
      const time = times[id];
      return time === undefined ? undefined : time * perEpoch / 1000;
    });
    writeFileSync(join(folder, `${task.id}.seconds.svg`), plotOf(task, "seconds of steps", true, seconds));
  }
}
