/**
 * The options of a step, and where each of them works.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { ANY, BELOW_ONE, FLAG, FROM_ZERO, holding, oneOf, type Rules, union, WHOLE } from "../check/rule.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import { type KernelOption, OBJECTIVE_ON_KERNEL } from "../problem/session.ts";
import { type CompetitorOptions, COMPETITORS } from "../row_system/competitors.ts";
import { METRIC, type MetricOptions } from "../row_system/metric_option.ts";
import { SOLVER, type SolverOptions } from "../solver/solver.ts";

/** Options of {@link fgnStep}. */
export interface StepOptions extends SolverOptions, ObjectiveOptions, KernelOption, MetricOptions, CompetitorOptions {
  /**
   * Whether to evaluate the batch loss after the step (default true). Without it the step is cheaper by a
   * forward pass (or by B²C multiply-adds for a linear head) and the report lacks what needs it.
   * Levenberg–Marquardt and backtracking always evaluate it.
   */
  readonly lossAfter?: boolean;
  /**
   * The curvature weight of a margin: `gaussNewton` is p s, the second derivative of the loss (default); `majorized` is
   * κ = tanh(|m|/2)/(2|m|) ≥ p s (Jaakkola and Jordan 1997), with which the quadratic model lies above the loss: where
   * margins are linear in the parameters, as those of a linear head with two classes, no step on the whole data raises
   * it. κ does not vanish where the model is confidently wrong, so that damping matters less.
   */
  readonly curvature?: "gaussNewton" | "majorized";
  /**
   * η ≥ 0 of the two-stage system (default 0: none): adds Σ α_i η s_i ‖dW h_i + db‖² for a dense last layer, in place of
   * the curvature that FGN drops; ½ bounds it from above. The factored metric divides the entries of dW h_i + db by o.
   * Same conditions as `metric`.
   */
  readonly twoStage?: number;
  /**
   * Puts the dropped curvature back: so many iterations of conjugate gradient on the full Gauss-Newton system,
   * preconditioned by the FGN inverse (default 0: the FGN step itself). The first gives the FGN step its best
   * length; each costs one full product. The report's solver is then that of the full system.
   */
  readonly refine?: number;
  /**
   * The share of its own size that a layer may move by: its step is scaled by min(1, share · max(rms W, fan-in^−½)/rms dW)
   * (default 0: no limit). For networks with two and more layers that train.
   */
  readonly trustRegion?: number;
  /**
   * Draws the step towards the one before: minimises the damped model with ½λ‖d − βd₋‖² in place of ½λ‖d‖², that is
   * (H + λI)d = −g + λβd₋ (momentum through the right-hand side; Goldshlager, Abrahamsen and Lin 2024), λM for λI in
   * another metric. Not with `twoStage`, `refine` or `ggnStep`. The transform `momentum` keeps d₋.
   */
  readonly momentum?: Momentum;
  /**
   * The parameters are given up (default false): a step that is taken goes on in the memory of their trainable arrays, which
   * saves large models the time that fresh pages take. Those arrays, and every other view of their memory, are empty from
   * then on, so that nothing is ever overwritten under a reader; a later call with them is told `DonatedParameters`. After
   * an error or a rejected step they are as they were. Frozen arrays stay shared. An array is copied, and stays, where it
   * is not all of its buffer, or where another array of the model has the same one. The result has the same bytes.
   */
  readonly donate?: boolean;
}

/** The step before and how much of it counts. */
export interface Momentum {
  /** β in [0, 1). */
  readonly decay: number;
  /** d₋: P numbers in the order of `parameters`, or null: none yet. */
  readonly previous: ArrayLike<number> | null;
}

const MOMENTUM: Rules<Momentum> = {
  decay: BELOW_ONE,
  previous: ANY, // The reader of numbers says more.
};

/**
 * What each option may be; where it works is in the table below.
 * @internal
 */
export const STEP: Rules<StepOptions> = /* @__PURE__ */ union(OBJECTIVE_ON_KERNEL, SOLVER, METRIC, COMPETITORS, {
  lossAfter: FLAG,
  curvature: /* @__PURE__ */ oneOf("gaussNewton", "majorized"),
  twoStage: FROM_ZERO,
  refine: WHOLE,
  trustRegion: FROM_ZERO,
  momentum: /* @__PURE__ */ holding(MOMENTUM, "an object with decay and previous"),
  donate: FLAG,
});

/** The values of an option that a place takes beside undefined: every one, these alone, or it does not offer the option. */
type Cell<V> = typeof YES | typeof NONE | readonly V[];
const YES = 1, NONE = null;
const OUT = [] as const, ZERO = [0] as const, FALSE = [false] as const, PLAIN = ["euclidean"] as const;
const GRAM = ["auto", "gram"] as const, FREE = ["matrixFree", "auto"] as const, ITERATIVE = ["cg", "auto"] as const;

/** The columns of the table: where a step is asked for, and what it may be asked for along with. */
const COLUMN = {
  /** Passes over micro-batches. */
  microBatch: 0,
  /** A WebGPU device. */
  device: 1,
  /** The options of `ggnStep`. */
  ggnStep: 2,
  /** The full Gauss-Newton system, of `refine` and of `ggnStep`. */
  refine: 3,
  /** A model of one's own. */
  ownModel: 4,
  /** `system: "matrixFree"`. */
  matrixFree: 5,
  /** A part of the gradient outside the row space: soft targets, `labelSmoothing`, `l2`. */
  remainder: 6,
  /** `twoStage` above 0. */
  twoStage: 7,
  /** `warmStart`. */
  warmStart: 8,
} as const;

/** Where an option may be asked for. */
export type Place = keyof typeof COLUMN;

/** A cell a place. */
type Row<V> = readonly [
  microBatch: Cell<V>,
  device: Cell<V>,
  ggnStep: Cell<V>,
  refine: Cell<V>,
  ownModel: Cell<V>,
  matrixFree: Cell<V>,
  remainder: Cell<V>,
  twoStage: Cell<V>,
  warmStart: Cell<V>,
];

/**
 * Where each option works. What a step refuses, what types leave out, what optimizers step without and docs/options.md
 * (`npm run build:options`) all derive from it; an option without a row does not compile.
 */
// deno-fmt-ignore
const OPTIONS = {
  //               microBatch device ggnStep refine ownModel   matrixFree remainder twoStage warmStart
  solver:         [ITERATIVE, YES,   NONE,   YES,   ITERATIVE, ITERATIVE, YES,      YES,     YES],
  tolerance:      [YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  maxIterations:  [YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  system:         [FREE,      GRAM,  YES,    YES,   FREE,      YES,       YES,      YES,     YES],
  warmStart:      [YES,       YES,   NONE,   OUT,   YES,       YES,       YES,      YES,     YES],
  classWeights:   [YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  labelSmoothing: [YES,       ZERO,  YES,    YES,   YES,       YES,       YES,      ZERO,    YES],
  l2:             [YES,       ZERO,  YES,    YES,   YES,       YES,       YES,      ZERO,    YES],
  l2Biases:       [YES,       FALSE, YES,    YES,   YES,       YES,       YES,      FALSE,   YES],
  kernel:         [YES,       NONE,  YES,    YES,   YES,       YES,       YES,      YES,     YES],
  metric:         [PLAIN,     PLAIN, PLAIN,  PLAIN, PLAIN,     YES,       PLAIN,    YES,     YES],
  competitors:    [ZERO,      ZERO,  NONE,   ZERO,  YES,       YES,       YES,      ZERO,    ZERO],
  lossAfter:      [YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  curvature:      [YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  twoStage:       [ZERO,      ZERO,  ZERO,   ZERO,  ZERO,      YES,       ZERO,     YES,     YES],
  refine:         [ZERO,      ZERO,  NONE,   YES,   YES,       YES,       YES,      ZERO,    ZERO],
  trustRegion:    [ZERO,      ZERO,  YES,    YES,   YES,       YES,       YES,      YES,     YES],
  momentum:       [OUT,       OUT,   NONE,   OUT,   YES,       YES,       YES,      OUT,     YES],
  donate:         [YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
} as const satisfies { readonly [K in keyof StepOptions]-?: Row<NonNullable<StepOptions[K]>> };

/** The name of an option. */
export type OptionName = keyof typeof OPTIONS;

/** The options that a place may be given: none that it does not offer, so that its type has to leave those out. */
type Offered<P extends Place> =
  & StepOptions
  & {
    readonly [K in OptionName as (typeof OPTIONS)[K][(typeof COLUMN)[P]] extends typeof NONE ? K : never]?: never;
  };

const cellOf = (name: OptionName, place: Place): Cell<unknown> =>
  Object.hasOwn(OPTIONS, name) ? OPTIONS[name][COLUMN[place]] : YES;

/**
 * Whether a place takes an option whatever its value.
 * @internal
 */
export const worksAt = (name: OptionName, place: Place): boolean => cellOf(name, place) === YES;

/**
 * The first of the given options whose value a place does not take.
 * @internal
 */
export function refusedAt<P extends Place>(place: P, options: Offered<P>): OptionName | undefined {
  // Over what is given, which is less than the table: names that are no option of a step have no row.
  for (const key in options) {
    const name = key as OptionName, cell = cellOf(name, place), value: unknown = (options as StepOptions)[name];
    if (cell !== YES && value !== undefined && !cell?.includes(value)) return name;
  }
  return undefined;
}

/** Advice where an option does not go along, other than to give it without the place. */
const WANTED: Readonly<Partial<Record<Place, string>>> = {
  ownModel: "it with a network only",
  matrixFree: "it with an explicit row system only",
  remainder: "it without soft targets, label smoothing and ℓ2",
};

/**
 * Advice in place of a value that a place does not take.
 * @internal
 */
export function wantedAt(place: Place, name: OptionName): string {
  const cell = cellOf(name, place), without = WANTED[place] ?? `it without ${place}`;
  return cell !== YES && cell?.[1] !== undefined ? `${cell.join(" or ")}, or ${without}` : without;
}

/**
 * Refuses what a place does not take. Errors: `InvalidOption`.
 * @internal
 */
export function checkAt<P extends Place>(place: P, options: Offered<P>): E.Either<FgnError, void> {
  const name = refusedAt(place, options);
  if (name === undefined) return E.right(undefined);
  const { momentum, [name]: value }: StepOptions = options;
  return invalid(name, name === "momentum" ? momentum?.decay : value, wantedAt(place, name));
}

/**
 * The table in words: a row an option, a column a place. For the docs and tests.
 * @internal
 */
export function optionTable(): Readonly<Record<OptionName, Readonly<Record<Place, string>>>> {
  const places = Object.keys(COLUMN) as Place[];
  const wordOf = (cell: Cell<unknown>): string =>
    cell === YES ? "yes" : cell === NONE ? "not offered" : cell.length > 1 ? `only ${cell.join(", ")}` : "no";
  const rowOf = (name: OptionName) =>
    Object.fromEntries(places.map((place) => [place, wordOf(cellOf(name, place))])) as Record<Place, string>;
  const names = Object.keys(OPTIONS) as OptionName[];
  return Object.fromEntries(names.map((name) => [name, rowOf(name)])) as Record<OptionName, Record<Place, string>>;
}
