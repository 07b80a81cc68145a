/**
 * A diagnosis as text.
 *
 * @module
 */

import { orElse } from "../check/total.ts";
import type { Diagnosis, StepComparison } from "./diagnose.ts";
import type { Trace } from "./dropped.ts";

/** Cosine from which a step counts as close to the full one: 18°, a convention that the text states. */
const CLOSE = 0.95;
/** Rounding of the steps beyond which a cosine says nothing against CLOSE. */
const COARSE = 0.1;

/** A name, a number and what it means. */
type Line = readonly [name: string, value: string, meaning: string];

const toThree = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
const toFive = (value: number): string => String(Number(value.toPrecision(5)));

const percentOf = (part: number, whole: number): string => whole > 0 ? `${toThree(100 * part / whole)} %` : "none";

const accuracyOf = ({ exact, standardError, samples }: Trace): string =>
  exact ? "" : `, ± ${toThree(standardError)} from ${samples} samples`;

function competitorLines({ classes, competitors }: Diagnosis): Line[] {
  const { mass, concentration, weightedConcentration, effective } = competitors;
  const range = `1: a single one, ${toThree(1 / (classes - 1))}: spread evenly`;
  return [
    ["competitor mass", toThree(mass), "mean probability that is not on the true class; the gradient vanishes with it"],
    ["concentration ‖q‖²", toThree(concentration), `of that probability over the competitors; ${range}`],
    [
      "  weighted by mass",
      toThree(weightedConcentration),
      "the same over the examples that still have something to learn",
    ],
    ["effective competitors", toThree(effective), `mean 1/‖q‖², of ${classes - 1}`],
  ];
}

function traceLines({ traces: { kept, dropped } }: Diagnosis): Line[] {
  const whole = kept.value + dropped.value;
  return [
    ["trace kept", toThree(kept.value), `${percentOf(kept.value, whole)} of the full curvature's${accuracyOf(kept)}`],
    [
      "trace dropped",
      toThree(dropped.value),
      `${percentOf(dropped.value, whole)}, among competitors${accuracyOf(dropped)}`,
    ],
  ];
}

/** Compares a loss with another, as they are printed. */
const compareLosses = (a: number, b: number): string =>
  toFive(a) === toFive(b) ? "the same as" : a < b ? "lower than" : "higher than";

function stepLines({ steps }: Diagnosis): Line[] {
  const { cosine, relativeError, lossBefore, lossAfterFgn, lossAfterGgn, iterations } = steps;
  return [
    ["cosine", toFive(cosine), "of the angle between the FGN step and the full Gauss-Newton step at this damping"],
    ["relative error", toThree(relativeError), "of the FGN step, in lengths of the full one"],
    ["loss", toFive(lossBefore), "before"],
    ["  after the FGN step", toFive(lossAfterFgn), `${compareLosses(lossAfterFgn, lossAfterGgn)} after the full step`],
    ["  after the full step", toFive(lossAfterGgn), `which took ${iterations} iterations`],
  ];
}

function spectrumLines({ examples, spectrum }: Diagnosis): Line[] {
  if (spectrum === undefined) return [];
  const { effectiveDimension, condition } = spectrum;
  return [
    ["effective dimension", toThree(effectiveDimension), `of ${examples}: directions that the damping does not rule`],
    ["condition number", toThree(condition), "of the damped row system; its root sets conjugate gradient's iterations"],
  ];
}

/** Columns that are told one by one. */
const TOLD = 5;

/** What is odd about the scales of columns. */
function columnLines({ columns }: Diagnosis): string[] {
  if (columns.length === 0) return [];
  const told = columns.slice(0, TOLD).map(({ column, ratio, offset }) =>
    `column ${column} (${toThree(ratio)} times the median size, mean ${toThree(offset)} deviations from 0)`
  );
  const more = columns.length > TOLD ? ` and ${columns.length - TOLD} more` : "";
  return [
    `Columns of the features far from the others' size, or from 0: ${told.join(", ")}${more}. ` +
    "Standardise them: train and fit do, and columnScales and standardise for steps by hand.",
  ];
}

function verdictOf({ cosine, converged, residual, rounding }: StepComparison): string {
  if (rounding > COARSE) return "No verdict: the steps are too small beside the rounding of the parameters.";
  if (!converged) {
    return `No verdict: the full step stopped at relative residual ${toThree(residual)}, and is compared as it is. ` +
      `Raise maxIterations or the damping.`;
  }
  return cosine >= CLOSE
    ? `The FGN step is close to the full one at this damping (cosine at least ${CLOSE}).`
    : `The FGN step is not close to the full one at this damping (cosine below ${CLOSE}): try the option refine, ` +
      `which puts the dropped curvature back, or more damping.`;
}

/**
 * The numbers of a diagnosis with what each means, and a verdict, as lines for a person. The one threshold, cosine
 * 0.95 between the FGN step and the full one, is a convention, not a theorem.
 *
 * @example
 * ```ts
 * import { batch, diagnose, matrix, showDiagnosis, zeroHead } from "fgn";
 *
 * const head = zeroHead({ features: 1, classes: 3 });
 * const features = matrix(2, 1, [1, -1]);
 * if (head._tag === "Right" && features._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1] });
 *   const diagnosis = data._tag === "Right" ? diagnose(head.right, data.right, 0.1) : data;
 *   if (diagnosis._tag === "Right") console.log(showDiagnosis(diagnosis.right));
 * }
 * ```
 */
export function showDiagnosis(diagnosis: Diagnosis): string {
  return orElse(() => linesOf(diagnosis), "this is not a diagnosis");
}

/** The lines of a diagnosis. */
function linesOf(diagnosis: Diagnosis): string {
  const { examples, classes, steps } = diagnosis;
  const lines = [competitorLines, traceLines, stepLines, spectrumLines].flatMap((make) => make(diagnosis));
  const [names, values] = [0, 1].map((k) => Math.max(...lines.map((line) => (line[k] as string).length)));
  return [
    `FGN on ${examples} examples and ${classes} classes at λ = ${toThree(steps.lambda)}`,
    ...lines.map(([name, value, meaning]) =>
      `  ${name.padEnd(names as number)}  ${value.padEnd(values as number)}  ${meaning}`
    ),
    verdictOf(steps),
    ...columnLines(diagnosis),
    ...(steps.lossAfterFgn > steps.lossBefore ? ["The FGN step raises the loss: it needs more damping."] : []),
  ].join("\n");
}
