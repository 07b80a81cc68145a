// The tables of the page, and how they get into it: between marks, so that no number is written by hand.

import { partsOf, replacePart, table } from "../support/markdown.ts";
import type { Spread } from "./comparison.ts";
import { COMMON, DECADES, REFERENCE_CONCENTRATION } from "./design.ts";
import { REAL_RATIOS, type RealRow, type Results } from "./results.ts";
import type { SyntheticRow } from "./synthetic.ts";

const shown = ({ mean, deviation }: Spread, digits = 3): string =>
  `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
const both = (row: SyntheticRow): string => `${row.cosine.mean.toFixed(3)} / ${row.error.mean.toFixed(3)}`;
const ratioHeads = (ratios: readonly number[]): string[] => ratios.map((ratio) => `λ/K̄ = ${ratio}`);

const is = (row: SyntheticRow, wanted: Partial<SyntheticRow>): boolean =>
  Object.entries(wanted).every(([key, value]) => {
    const own = row[key as keyof SyntheticRow];
    return typeof own === "number" ? Math.abs(own - (value as number)) < 1e-9 : own === value;
  });

const plain = { probability: 0.5, common: 0 } as const;

/** A row of cells by λ/K̄, or none where the design lacks the kind. */
function line(
  rows: readonly SyntheticRow[],
  name: readonly string[],
  wanted: Partial<SyntheticRow>,
  cell: (row: SyntheticRow) => string,
  ratios: readonly number[] = DECADES,
): string[][] {
  const found = ratios.map((ratio) => rows.find((row) => is(row, { ...wanted, ratio })));
  return found.every((row) => row !== undefined) ? [[...name, ...found.map((row) => cell(row as SyntheticRow))]] : [];
}

function reference(rows: readonly SyntheticRow[]): string {
  const concentrated = { ...plain, classes: 10, family: "gaussian", concentration: REFERENCE_CONCENTRATION } as const;
  const curves = table(["C = 10, p_y = ½", "", ...ratioHeads(DECADES)], [
    ...line(rows, ["uniform", "cosine"], { ...plain, classes: 10, family: "uniform" }, (row) => shown(row.cosine)),
    ...line(rows, ["", "error"], { ...plain, classes: 10, family: "uniform" }, (row) => shown(row.error)),
    ...line(rows, ["concentrated", "cosine"], concentrated, (row) => shown(row.cosine)),
    ...line(rows, ["", "error"], concentrated, (row) => shown(row.error)),
  ]);
  const counts = [2, 3, 10, 100, 1000],
    found = counts.map((classes) => rows.find((row) => is(row, { ...plain, classes, family: "uniform", ratio: 1e-2 })));
  const over = table(["uniform, λ/K̄ = 0.01", ...counts.map((C) => `C = ${C}`)], [
    ["relative error", ...found.map((row) => row === undefined ? "–" : shown(row.error))],
  ]);
  return `${curves}\n\n${over}`;
}

const agreement = ({ synthetic: { agreement: { count, cosine, error, coarse } } }: Results): string =>
  table(["comparisons", "resolved to 1e-4", "largest difference of cosines", "of relative errors"], [
    [String(count), String(count - coarse), cosine.toExponential(1), error.toExponential(1)],
  ]);

function kinds(rows: readonly SyntheticRow[], cell: (row: SyntheticRow) => string): string {
  const lines = [3, 10, 100, 1000].flatMap((classes) => [
    ...line(rows, [String(classes), "uniform"], { ...plain, classes, family: "uniform" }, cell),
    ...[0.5, 0.8].flatMap((concentration) =>
      line(
        rows,
        [String(classes), `‖q‖² = ${concentration}`],
        { ...plain, classes, family: "gaussian", concentration },
        cell,
      )
    ),
  ]);
  return table(["C", "competitors", ...ratioHeads(DECADES)], lines);
}

function families(rows: readonly SyntheticRow[]): string {
  const lines = [10, 100].flatMap((classes) =>
    [0.5, 0.8].flatMap((concentration) =>
      (["gaussian", "one"] as const).flatMap((family) =>
        line(
          rows,
          [String(classes), String(concentration), family === "one" ? "the same for all" : "differs between examples"],
          { ...plain, classes, family, concentration },
          both,
        )
      )
    )
  );
  return table(["C", "mean ‖q‖²", "‖q‖² of an example", ...ratioHeads(DECADES)], lines);
}

function chance(rows: readonly SyntheticRow[]): string {
  const lines = [10, 100, 1000].flatMap((classes) => {
    const uniform = { classes, family: "uniform" } as const;
    return [
      ...line(rows, [String(classes), "½", "0"], { ...uniform, ...plain }, both),
      ...line(rows, [String(classes), "1/C", "0"], { ...uniform, probability: 1 / classes, common: 0 }, both),
      ...line(rows, [String(classes), "½", String(COMMON)], { ...uniform, probability: 0.5, common: COMMON }, both),
      ...line(rows, [String(classes), "1/C", String(COMMON)], {
        ...uniform,
        probability: 1 / classes,
        common: COMMON,
      }, both),
    ];
  });
  return table(["C", "p_y", "in common", ...ratioHeads(DECADES)], lines);
}

const models = (rows: readonly RealRow[]): string[] => [...new Set(rows.map(({ model }) => model))];

function states({ real, common }: Results): string {
  const share = (name: string): string => (common.find(({ model }) => model === name)?.share ?? NaN).toFixed(2);
  const head = ["model", "in common", "step", "test accuracy", "mean s", "‖q‖², by s", "competitors", "kept share"];
  return table(
    head,
    real.map(({ model, step, state: s }) => [
      model,
      share(model),
      String(step),
      shown(s.testAccuracy),
      shown(s.mass),
      shown(s.weightedConcentration),
      s.effective.mean.toFixed(1),
      shown(s.keptShare),
    ]),
  );
}

type Steps = RealRow["steps"][number];

/** One number of the real models by damping. */
const stepsTable = (rows: readonly RealRow[], cell: (steps: Steps) => string, at?: readonly number[]): string =>
  table(
    ["model", "step", ...ratioHeads(REAL_RATIOS)],
    rows.filter(({ step }) => at?.includes(step) ?? true).map(({ model, step, steps }) => [
      model,
      String(step),
      ...steps.map(cell),
    ]),
  );

const percent = ({ mean }: Spread): string => `${(100 * mean).toPrecision(2)} %`;

/** Every table of the page, by the name of its marks. */
export function tables(results: Results): Readonly<Record<string, string>> {
  const { synthetic: { rows }, real } = results;
  const last = Math.max(...real.map(({ step }) => step));
  return {
    reference: reference(rows),
    agreement: agreement(results),
    gain: kinds(rows, (row) => shown(row.gain)),
    after: kinds(rows, (row) => `${row.afterFgn.mean.toFixed(3)} / ${row.afterGgn.mean.toFixed(3)}`),
    families: families(rows),
    chance: chance(rows),
    real_state: states(results),
    real_cosine: stepsTable(real, (s) => shown(s.cosine)),
    real_error: stepsTable(real, (s) => s.error.mean.toFixed(3)),
    real_gain: stepsTable(real, (s) => shown(s.gain)),
    real_after: stepsTable(real, (s) => `${s.afterFgn.mean.toFixed(2)} / ${s.afterGgn.mean.toFixed(2)}`),
    real_fresh: stepsTable(real, (s) => `${percent(s.freshFgn)} / ${percent(s.freshGgn)}`),
    real_refined: stepsTable(
      real,
      (s) => [s.error, s.errorRefined1, s.errorRefined3].map(({ mean }) => mean.toFixed(3)).join(" / "),
      [0, 50, last],
    ),
    models: models(real).join(", "),
  };
}

/** The page with each table in the place of what stood between its marks. Throws where there is no table for a mark. */
export function fill(page: string, all: Readonly<Record<string, string>>): string {
  return partsOf(page).reduce((text, name) => {
    const content = all[name];
    if (content === undefined) throw new Error(`no table for the mark ${name}`);
    return replacePart(text, name, content);
  }, page);
}
