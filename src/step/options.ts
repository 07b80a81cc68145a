/**
 * The options of a step, and where each of them works.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import type { KernelOption } from "../problem/session.ts";
import type { CompetitorOptions } from "../row_system/competitors.ts";
import type { MetricOptions } from "../row_system/metric_option.ts";
import type { SolverOptions } from "../solver/solver.ts";

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

/** What an option may be somewhere: everything, nothing but left out, these values alone, or it is not offered there. */
type Cell<V> = typeof YES | typeof NO | typeof NONE | readonly V[];
const YES = 1, NO = 0, NONE = null;
const GRAM = ["auto", "gram"] as const, FREE = ["matrixFree", "auto"] as const, ITERATIVE = ["cg", "auto"] as const;

/** The columns of the table: where a step is asked for, and what it may be asked for along with. */
const COLUMN = {
  /** Passes over micro-batches. */
  microBatch: 1,
  /** A WebGPU device. */
  device: 2,
  /** The options of `ggnStep`. */
  ggnStep: 3,
  /** The full Gauss-Newton system, of `refine` and of `ggnStep`. */
  refine: 4,
  /** A model of one's own. */
  ownModel: 5,
  /** `system: "matrixFree"`. */
  matrixFree: 6,
  /** A part of the gradient outside the row space: soft targets, `labelSmoothing`, `l2`. */
  remainder: 7,
  /** `twoStage` above 0. */
  twoStage: 8,
  /** `warmStart`. */
  warmStart: 9,
} as const;

/** Where an option may be asked for. */
export type Place = keyof typeof COLUMN;

/** The value that leaves an option out, as undefined always does, and a cell a place. */
type Row<V> = readonly [
  neutral: V | undefined,
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
  //               neutral      microBatch device ggnStep refine ownModel   matrixFree remainder twoStage warmStart
  solver:         ["auto",      ITERATIVE, YES,   NONE,   YES,   ITERATIVE, ITERATIVE, YES,      YES,     YES],
  tolerance:      [undefined,   YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  maxIterations:  [undefined,   YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  system:         ["auto",      FREE,      GRAM,  YES,    YES,   FREE,      YES,       YES,      GRAM,    YES],
  warmStart:      [undefined,   YES,       YES,   NONE,   NO,    YES,       YES,       YES,      YES,     YES],
  classWeights:   [undefined,   YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  labelSmoothing: [0,           YES,       NO,    YES,    YES,   YES,       YES,       YES,      NO,      YES],
  l2:             [0,           YES,       NO,    YES,    YES,   YES,       YES,       YES,      NO,      YES],
  kernel:         [undefined,   YES,       NONE,  YES,    YES,   YES,       YES,       YES,      YES,     YES],
  metric:         ["euclidean", NO,        NO,    NO,     NO,    NO,        NO,        NO,       YES,     YES],
  competitors:    [0,           NO,        NO,    NONE,   NO,    YES,       YES,       YES,      NO,      NO],
  lossAfter:      [undefined,   YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  curvature:      [undefined,   YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
  twoStage:       [0,           NO,        NO,    NO,     NO,    NO,        NO,        NO,       YES,     YES],
  refine:         [0,           NO,        NO,    NONE,   YES,   YES,       YES,       YES,      NO,      NO],
  trustRegion:    [0,           NO,        NO,    YES,    YES,   YES,       YES,       YES,      YES,     YES],
  momentum:       [undefined,   NO,        NO,    NONE,   NO,    YES,       YES,       YES,      NO,      YES],
  donate:         [undefined,   YES,       YES,   YES,    YES,   YES,       YES,       YES,      YES,     YES],
} as const satisfies { readonly [K in keyof StepOptions]-?: Row<NonNullable<StepOptions[K]>> };

/** The name of an option. */
export type OptionName = keyof typeof OPTIONS;

/** The options that a place does not offer. */
export type Lacking<P extends Place> = {
  readonly [K in OptionName]: (typeof OPTIONS)[K][(typeof COLUMN)[P]] extends typeof NONE ? K : never;
}[OptionName];

const cellOf = (name: OptionName, place: Place): Cell<unknown> => OPTIONS[name][COLUMN[place]];

/** Whether an option works at a place whatever its value. @internal */
export const worksAt = (name: OptionName, place: Place): boolean => cellOf(name, place) === YES;

/** The first option whose value a place does not take. @internal */
export function refusedAt(place: Place, options: StepOptions): OptionName | undefined {
  for (const key in OPTIONS) {
    const name = key as OptionName, cell = cellOf(name, place), value: unknown = options[name];
    if (cell === YES || value === undefined || value === OPTIONS[name][0]) continue;
    if (!Array.isArray(cell) || !cell.includes(value)) return name;
  }
  return undefined;
}

/**
 * Refuses the options that a place does not take: `without` says what to give instead, and `why` what restricts an option
 * to some values. Errors: `InvalidOption`. @internal
 */
export function checkAt(place: Place, options: StepOptions, without: string, why = ""): E.Either<FgnError, void> {
  const name = refusedAt(place, options);
  if (name === undefined) return E.right(undefined);
  const cell = cellOf(name, place), value = name === "momentum" ? options.momentum?.decay : options[name];
  return invalid(name, value, Array.isArray(cell) ? `${cell.join(" or ")}: ${why}` : without);
}

/** What the table says, in words: a row an option, a column a place. For the docs and tests. @internal */
export function optionTable(): Readonly<Record<OptionName, Readonly<Record<Place, string>>>> {
  const places = Object.keys(COLUMN) as Place[];
  const wordOf = (cell: Cell<unknown>): string =>
    Array.isArray(cell) ? `only ${cell.join(", ")}` : cell === YES ? "yes" : cell === NO ? "no" : "not offered";
  const rowOf = (name: OptionName) =>
    Object.fromEntries(places.map((place) => [place, wordOf(cellOf(name, place))])) as Record<Place, string>;
  const names = Object.keys(OPTIONS) as OptionName[];
  return Object.fromEntries(names.map((name) => [name, rowOf(name)])) as Record<OptionName, Record<Place, string>>;
}
