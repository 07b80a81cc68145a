// The plots of the page.

import { type LinePlot, linePlot, type Point, type Series } from "../support/plot.ts";
import type { Spread } from "./comparison.ts";
import { COMMON, DECADES } from "./design.ts";
import { BATCH } from "./real.ts";
import { REAL_RATIOS, type RealRow, type Results } from "./results.ts";
import type { SyntheticRow } from "./synthetic.ts";

/** An SVG file. */
export interface Figure {
  readonly name: string;
  readonly svg: string;
}

const point = (x: number, { mean, deviation }: Spread): Point => ({
  x,
  y: mean,
  low: mean - deviation,
  high: mean + deviation,
});

/** How a figure reads rows: its x, what it shows, the line and the panel that a row belongs to (or none). */
interface Reading<R> {
  readonly x: (row: R) => number;
  readonly y: (row: R) => Spread;
  readonly line: (row: R) => string | undefined;
  readonly panel: (row: R) => string | undefined;
}

/** The lines of rows, panels and points ascending, lines and panels in order of appearance. */
function seriesOf<R>(rows: readonly R[], { x, y, line, panel }: Reading<R>): Series[] {
  const found = new Map<string, { name: string; panel: string; points: Point[] }>();
  for (const row of rows) {
    const name = line(row), where = panel(row);
    if (name === undefined || where === undefined) continue;
    const key = JSON.stringify([where, name]);
    const series = found.get(key) ?? { name, panel: where, points: [] };
    found.set(key, series);
    series.points.push(point(x(row), y(row)));
  }
  return [...found.values()].map((one) => ({ ...one, points: one.points.sort((a, b) => a.x - b.x) }));
}

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;
const half = ({ probability }: SyntheticRow): boolean => near(probability, 0.5);
const apart = ({ common }: SyntheticRow): boolean => common === 0;
const decade = ({ ratio }: SyntheticRow): boolean => DECADES.includes(ratio);

/** Uniform competitors, and Gaussian ones at .5 and .8. */
function competitors({ family, concentration, classes }: SyntheticRow): string | undefined {
  if (family === "uniform") return classes === 2 ? undefined : "uniform";
  if (family !== "gaussian" || !(near(concentration, 0.5) || near(concentration, 0.8))) return undefined;
  return `‖q‖² = ${concentration}`;
}

const SYNTHETIC = "B = D = 64, mean ± standard deviation over seeds";
const REAL = `batch ${BATCH}, mean ± standard deviation over seeds`;
const damping = { label: "damping λ/K̄", log: true } as const;
const cosine = { label: "cosine of FGN and full step" } as const;
const error = { label: "relative error of the FGN step", log: true } as const;

/** Classes from most to fewest lines first: the order of panels. */
const byClasses = (rows: readonly SyntheticRow[]): SyntheticRow[] => [...rows].sort((a, b) => a.classes - b.classes);

function overDamping(rows: readonly SyntheticRow[], y: LinePlot["y"], by: Reading<SyntheticRow>["y"], title: string) {
  const series = seriesOf(byClasses(rows.filter((row) => half(row) && apart(row))), {
    x: ({ ratio }) => ratio,
    y: by,
    line: competitors,
    panel: ({ classes }) => [3, 10, 100, 1000].includes(classes) ? `C = ${classes}` : undefined,
  });
  return linePlot({ title, subtitle: `p_y = ½; ${SYNTHETIC}`, x: damping, y, series, columns: 2 });
}

const overConcentration = (rows: readonly SyntheticRow[]): string =>
  linePlot({
    title: "Over the concentration of the competitors",
    subtitle: `p_y = ½; ${SYNTHETIC}`,
    x: { label: "concentration, mean ‖q‖²", domain: [0, 1] },
    y: cosine,
    series: seriesOf(rows.filter((row) => half(row) && apart(row) && decade(row) && row.family !== "one"), {
      x: ({ reached }) => reached.mean,
      y: (row) => row.cosine,
      line: ({ ratio }) => `λ/K̄ = ${ratio}`,
      panel: ({ classes }) => [10, 100].includes(classes) ? `C = ${classes}` : undefined,
    }),
    columns: 2,
  });

/** A panel for each of two numbers of classes and each kind of competitors but those between. */
function byCompetitors(row: SyntheticRow): string | undefined {
  const name = competitors(row);
  return [10, 100].includes(row.classes) && name !== undefined && !name.endsWith("0.5")
    ? `C = ${row.classes}, ${name}`
    : undefined;
}

function classesLine(row: SyntheticRow): string | undefined {
  const { family, probability, classes, common, concentration } = row;
  const chance = near(probability, 1 / classes) && classes > 2;
  if (family === "uniform" && chance && common === COMMON) return `uniform, p_y = 1/C, ${COMMON} in common`;
  if (common !== 0) return undefined;
  if (family === "uniform" && chance) return "uniform, p_y = 1/C";
  if (!half(row) || classes === 2) return undefined;
  if (family === "uniform") return "uniform, p_y = ½";
  return family === "gaussian" && near(concentration, 0.8) ? "‖q‖² = 0.8, p_y = ½" : undefined;
}

const overClasses = (rows: readonly SyntheticRow[]): string =>
  linePlot({
    title: "Over the number of classes",
    subtitle: SYNTHETIC,
    x: { label: "classes C", log: true },
    y: error,
    series: seriesOf([...rows].sort((a, b) => b.ratio - a.ratio || b.probability - a.probability), {
      x: ({ classes }) => classes,
      y: (row) => row.error,
      line: classesLine,
      panel: ({ ratio }) => DECADES.includes(ratio) ? `λ/K̄ = ${ratio}` : undefined,
    }),
    columns: 2,
  });

const overProbability = (rows: readonly SyntheticRow[]): string =>
  linePlot({
    title: "Over the probability of the label",
    subtitle: SYNTHETIC,
    x: damping,
    y: cosine,
    series: seriesOf([...rows].sort((a, b) => a.classes - b.classes || a.probability - b.probability).filter(apart), {
      x: ({ ratio }) => ratio,
      y: (row) => row.cosine,
      line: ({ probability: p }) => [0.1, 0.5, 0.9].includes(p) ? `p_y = ${p}` : undefined,
      panel: byCompetitors,
    }),
    columns: 2,
  });

const overCommon = (rows: readonly SyntheticRow[]): string =>
  linePlot({
    title: "Over what the features have in common",
    subtitle: `p_y = ½; ${SYNTHETIC}`,
    x: { label: "share ‖x̄‖²/mean ‖x‖² of the features", domain: [-0.03, 0.83] },
    y: error,
    series: seriesOf(byClasses(rows.filter((row) => half(row) && decade(row))), {
      x: ({ common }) => common,
      y: (row) => row.error,
      line: ({ ratio }) => `λ/K̄ = ${ratio}`,
      panel: byCompetitors,
    }),
    columns: 2,
  });

const steps = { label: "steps of training", sqrt: true, ticks: [0, 10, 50, 100, 200, 500] } as const;

/** One number of the real models along training, a line each damping. */
function alongTraining(rows: readonly RealRow[], y: LinePlot["y"], key: keyof RealRow["steps"][number], title: string) {
  const flat = rows.flatMap(({ model, step, steps }) =>
    REAL_RATIOS.map((ratio, k) => ({ model, step, ratio, value: (steps[k] as RealRow["steps"][number])[key] }))
  );
  const series = seriesOf(flat, {
    x: ({ step }) => step,
    y: ({ value }) => value,
    line: ({ ratio }) => `λ/K̄ = ${ratio}`,
    panel: ({ model }) => model,
  });
  return linePlot({ title, subtitle: REAL, x: steps, y, series });
}

function states(rows: readonly RealRow[]): string {
  const shown = [
    ["weightedConcentration", "‖q‖² weighted by s"],
    ["mass", "mean s = 1 − p_y"],
    ["keptShare", "kept share of the trace"],
    ["testAccuracy", "test accuracy"],
  ] as const;
  const flat = shown.flatMap(([key, panel]) =>
    rows.map(({ model, step, state }) => ({ model, step, panel, value: state[key] }))
  );
  const series = seriesOf(flat, {
    x: ({ step }) => step,
    y: ({ value }) => value,
    line: ({ model }) => model,
    panel: ({ panel }) => panel,
  });
  return linePlot({
    title: "Where training takes the competitors",
    subtitle: REAL,
    x: steps,
    y: { label: "", domain: [0, 1] },
    series,
    columns: 2,
    width: 360,
  });
}

export function figures({ synthetic: { rows }, real }: Results): Figure[] {
  const gain = { label: "reduction, FGN over full" } as const;
  const all: Readonly<Record<string, string>> = {
    damping: overDamping(rows, cosine, (row) => row.cosine, "Closer as damping grows"),
    error: overDamping(rows, error, (row) => row.error, "Relative error of the step"),
    gain: overDamping(rows, gain, (row) => row.gain, "What the direction costs: reduction of the damped loss"),
    concentration: overConcentration(rows),
    classes: overClasses(rows),
    probability: overProbability(rows),
    common: overCommon(rows),
    real_state: states(real),
    real_cosine: alongTraining(real, { ...cosine, domain: [0.4, 1.02] }, "cosine", "FGN and full step along training"),
    real_gain: alongTraining(real, gain, "gain", "Reduction of the damped loss along training"),
  };
  return Object.entries(all).map(([name, svg]) => ({ name, svg }));
}
