// What the library wants to reach, beside what was measured. Nothing depends on it: a goal that is missed is shown.

import { type Case, efficiency } from "./measure.ts";

/** A number and what it is meant to be. */
export interface Goal {
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  /** Whether the bound is the least that is wanted, or the most. */
  readonly wanted: "least" | "most";
  readonly unit: "%" | "×";
}

/** Cases by table. */
export type Cases = Readonly<Record<string, readonly Case[]>>;

/** Whether a goal is met. */
export const isMet = ({ value, bound, wanted }: Goal): boolean => wanted === "least" ? value >= bound : value <= bound;

const SQUARES = ["128×128×128", "256×256×256", "512×512×512", "1024×1024×1024"];
const NARROW = ["128×784×10", "130×390×27", "33×65×129"];
const MANY_CLASSES = ["128×384×100", "128×384×1000", "256×768×1000", "128×768×10000"];
const LINEAR = ["32×384×10", "128×784×10", ...MANY_CLASSES];

/** Goals over the cases of a table: each skips a case that was not measured. */
function goalsOf(cases: readonly Case[] = []) {
  const find = (what: string): Case | undefined => cases.find((one) => one.what === what);
  const made: Goal[] = [];
  const add = (goal: Goal): void => void (Number.isFinite(goal.value) && made.push(goal));
  return {
    made,
    share: (what: string, name: string, bound: number): void => {
      const found = find(what);
      if (found === undefined) return;
      const value = 100 * efficiency(found, name);
      add({ what: `${name} ${what}, share of the peak`, value, bound, wanted: "least", unit: "%" });
    },
    /** How many times as long `over` takes as `under`. */
    ratio: (what: string, over: string, under: string, wanted: Goal["wanted"], bound: number): void => {
      const times = find(what)?.times ?? {};
      const value = (times[over] ?? NaN) / (times[under] ?? NaN);
      add({ what: `${over} / ${under}, ${what}`, value, bound, wanted, unit: "×" });
    },
    /** How much longer a contender takes in one case than in another. */
    between: (what: string, other: string, name: string, bound: number): void => {
      const value = (find(what)?.times[name] ?? NaN) / (find(other)?.times[name] ?? NaN);
      add({ what: `${name}, ${what} / fresh`, value, bound, wanted: "most", unit: "×" });
    },
  };
}

/** All goals of a run. */
export function goals({ products, linear, networks, presets, sparseTraining }: Cases, inDeno: boolean): Goal[] {
  const product = goalsOf(products), step = goalsOf(linear), network = goalsOf(networks), preset = goalsOf(presets);
  for (const what of SQUARES) {
    product.ratio(what, "tfjs-wasm", "fgn", "least", 1.3);
    product.ratio(what, "onnxruntime-web", "fgn", "least", 1.6);
  }
  for (const what of NARROW) product.ratio(what, "tfjs-wasm", "fgn", "least", 1);
  step.share("32×384×10", "FGN", 55);
  step.share("128×784×10", "FGN", 70);
  for (const what of MANY_CLASSES) step.share(what, "FGN", inDeno ? 65 : 78);
  for (const what of LINEAR) step.between(`${what}, fitted`, what, "FGN", 1.1);
  step.ratio("128×384×1000", "FGN", "SGD", "most", 1.25);
  step.ratio("128×384×1000", "FGN, pure", "SGD, pure", "most", 1.25);
  for (const what of ["128×384×1000", "256×768×1000"]) step.ratio(what, "GGN-CG10", "FGN", "least", 8);
  for (const what of MANY_CLASSES) {
    step.ratio(what, "tfjs SGD", "FGN", "least", 8);
    step.ratio(what, "tfjs by hand", "FGN", "least", 2);
  }
  network.ratio("128×784×256×10", "FGN", "SGD", "most", 1.5);
  network.ratio("128×784×256×10", "FGN, pure", "SGD, pure", "most", 1.5);
  for (const { what } of presets ?? []) preset.ratio(what, "robust", "SGD", "most", 2.5);
  const overSparse = goalsOf(sparseTraining);
  for (const { what } of sparseTraining ?? []) overSparse.ratio(what, "robust", "fgnStep", "most", 1.5);
  return [product, step, network, preset, overSparse].flatMap(({ made }) => made);
}
