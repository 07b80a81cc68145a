// What is measured: the synthetic cases, and the real models with the steps of training at which both steps are compared.

import { loadMnist } from "../../examples/data/mnist.ts";
import { loadUdhr } from "../../examples/data/udhr.ts";
import type { Family } from "./head.ts";
import { centred, type RealModel, realModel, robustSteps } from "./real.ts";
import type { SyntheticCase } from "./synthetic.ts";

/** λ/K̄ by decades, and by half decades over a wider range. */
export const DECADES = [1e-1, 1e-2, 1e-3, 1e-4];
const HALF_DECADES = [1, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];

/** A common part about as large as that of real features (the page has their shares). */
export const COMMON = 0.4;
/** ‖q‖² of the concentrated competitors of the reference curves. */
export const REFERENCE_CONCENTRATION = 0.83;

/** Spread as evenly as can be, or Gaussian with mean ‖q‖². */
export type Competitors = "uniform" | number;

/** A case; `probability` may be "chance", 1/C. */
function caseOf(
  classes: number,
  competitors: Competitors,
  ratio: number,
  { probability = 0.5, common = 0, family = "gaussian" }: {
    readonly probability?: number | "chance";
    readonly common?: number;
    readonly family?: Family;
  } = {},
): SyntheticCase {
  const even = competitors === "uniform";
  return {
    classes,
    family: even ? "uniform" : family,
    concentration: even ? 1 / (classes - 1) : competitors,
    probability: probability === "chance" ? 1 / classes : probability,
    common,
    ratio,
  };
}

type Options = Parameters<typeof caseOf>[3];

/** All combinations; concentrations that so few classes cannot have are left out. */
const cross = (
  classes: readonly number[],
  competitors: readonly Competitors[],
  ratios: readonly number[],
  options: readonly Options[] = [{}],
): SyntheticCase[] =>
  classes.flatMap((C) =>
    competitors.filter((q) => q === "uniform" || q > 1.05 / (C - 1)).flatMap((q) =>
      options.flatMap((option) => ratios.map((ratio) => caseOf(C, q, ratio, option)))
    )
  );

/** The reference curves: C = 10 over damping, and uniform competitors over C. */
export const referenceDesign = (): SyntheticCase[] => [
  ...cross([10], ["uniform", REFERENCE_CONCENTRATION], DECADES),
  ...cross([2, 3, 10, 100, 1000], ["uniform"], [1e-2]),
];

export const fullDesign = (): SyntheticCase[] => [
  ...referenceDesign(),
  // Damping.
  ...cross([3, 10, 100], ["uniform", 0.5, 0.8], HALF_DECADES),
  ...cross([1000], ["uniform", 0.5, 0.8], DECADES),
  // Concentration, and two families of the same mean.
  ...cross([10, 100], [0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97], DECADES),
  ...cross([10, 100], [0.5, 0.8], DECADES, [{ family: "one" }]),
  // Classes: with p_y = ½, and with that of a head of zeros.
  ...cross([2, 3, 5, 30, 300], ["uniform", 0.8], DECADES),
  ...cross([2, 3, 5, 10, 30, 100, 300, 1000], ["uniform"], DECADES, [
    { probability: "chance" },
    { probability: "chance", common: COMMON },
  ]),
  // The label's probability, and features with something in common.
  ...cross([10, 100], ["uniform", 0.8], HALF_DECADES, [{ probability: 0.1 }, { probability: 0.9 }]),
  ...cross([10, 100], ["uniform", 0.8], DECADES, [0.2, COMMON, 0.6, 0.8].map((common) => ({ common }))),
  ...cross([1000], ["uniform"], DECADES, [{ common: COMMON }]),
];

export const shortDesign = (): SyntheticCase[] => [
  ...cross([2, 3, 10], ["uniform", 0.8], DECADES),
  ...cross([10], ["uniform"], DECADES, [{ probability: "chance" }, { common: COMMON }]),
];

/** A real model and the steps after which it is looked at. */
export interface RealCase {
  readonly model: RealModel;
  readonly counts: readonly number[];
}

const COUNTS = [0, 10, 50, 200, 500];

export function fullModels(): RealCase[] {
  const mnist = loadMnist(), udhr = loadUdhr(), classes = udhr.names.length;
  const linear = `UDHR 1024-${classes}`, network = `UDHR 1024-64-${classes}`;
  return [
    { model: realModel("MNIST 784-10", mnist, { classes: 10 }), counts: COUNTS },
    { model: realModel("MNIST 784-10, centred", centred(mnist), { classes: 10 }), counts: COUNTS },
    { model: realModel("MNIST 784-64-10", mnist, { classes: 10, hidden: 64 }), counts: COUNTS },
    { model: realModel(linear, udhr, { classes }), counts: COUNTS },
    { model: realModel(`${linear}, centred`, centred(udhr), { classes }), counts: [0, 50] },
    { model: realModel(network, udhr, { classes, hidden: 64 }), counts: COUNTS },
    {
      model: realModel(`${network}, robust`, udhr, { classes, hidden: 64, training: robustSteps }),
      counts: COUNTS,
    },
  ];
}

export const shortModels = (): RealCase[] => [
  { model: realModel("MNIST 784-10", loadMnist(1000), { classes: 10 }), counts: [0, 4] },
];
