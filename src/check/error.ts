/**
 * Errors as values. Nothing public throws for bad input: it returns a `Left` with one of these cases, each
 * with a message that says what was wrong and where, and a remedy that says what to do.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { cureOf, show } from "./show.ts";

/** The texts that every error carries beside its tag. */
export interface ErrorText {
  /** What was wrong, and where. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** The cases, by tag, with the details that a program can act on. */
export interface FgnErrorCases {
  /** An array has the wrong length. */
  readonly ShapeMismatch: { readonly what: string; readonly expected: number; readonly actual: number };
  /** A value of another kind than types ask for: an Either in the place of what it holds, null among numbers. */
  readonly WrongKind: { readonly what: string };
  /** A size (rows, columns, classes) is not a whole number in its range. */
  readonly InvalidSize: { readonly what: string; readonly value: number };
  /** Arrays that were given up, by a call with `donate` or a transfer; `what` is the first, such as "layers[0].weight". */
  readonly DonatedParameters: { readonly what: string };
  /** A batch without examples. */
  readonly EmptyBatch: Readonly<Record<never, never>>;
  /** A label is not a whole number ≥ 0 and below the number of classes; `label` is NaN where it is no number. */
  readonly LabelOutOfRange: {
    readonly index: number;
    readonly label: number;
    readonly classes: number | undefined;
  };
  /** NaN or ±∞ (also: beyond float32) in features, weights or parameters. */
  readonly NotFinite: { readonly what: string; readonly index: number; readonly value: number };
  /** An example weight below zero. */
  readonly NegativeWeight: { readonly index: number; readonly value: number };
  /** All example weights are zero. */
  readonly ZeroWeights: { readonly count: number };
  /** Damping that is not a positive finite number. */
  readonly InvalidDamping: { readonly value: number };
  /** Any other option out of range. */
  readonly InvalidOption: { readonly option: string; readonly value: unknown };
  /** The features have another number of columns than the model takes. */
  readonly FeatureMismatch: { readonly expected: number; readonly actual: number };
  /** The working memory is more than WebAssembly, or a GPU device, gives; `bytes` is 0 where that is not known. */
  readonly OutOfMemory: { readonly bytes: number };
  /** The runtime has no WebAssembly SIMD; for a GPU backend: no WebGPU, or no adapter. */
  readonly UnsupportedRuntime: { readonly cause: string };
  /** The runtime or page forbids compiling WebAssembly. */
  readonly CompilationForbidden: { readonly cause: string };
  /** A custom model's function called this library on the kernel that runs it. */
  readonly KernelBusy: Readonly<Record<never, never>>;
  /** A result left the range of float32. */
  readonly Overflow: { readonly what: string };
  /** The damped row system is singular to working precision. */
  readonly NotPositiveDefinite: { readonly row: number; readonly lambda: number };
  /** Sparse rows whose offsets or column indices are out of order or out of range; `index` is the place in `what`. */
  readonly InvalidSparse: {
    readonly what: "offsets" | "indices";
    readonly row: number;
    readonly index: number;
  };
  /** A row of soft targets with an entry below zero, or whose sum is not 1. */
  readonly InvalidTargets: { readonly row: number; readonly sum: number };
  /** A row of probabilities with an entry below zero, or whose sum is not 1. */
  readonly InvalidProbabilities: { readonly row: number; readonly sum: number };
  /** A table, or texts, that features cannot be made of; `column` and `row` (from 0) say where, as far as that is known. */
  readonly InvalidTable: { readonly column: string | null; readonly row: number | null };
  /** Labels that name no classes: missing, of mixed kinds, unknown, too many or of one class; `index` is the first. */
  readonly InvalidLabels: { readonly index: number | null };
  /** A layer that does not fit its place in the network; `layer` is its path, such as "layers[2].layers[0]". */
  readonly InvalidLayer: { readonly layer: string; readonly reason: string };
  /** jvp and vjp of a custom model disagree: two numbers that should be equal. */
  readonly ModelMismatch: { readonly forward: number; readonly backward: number };
  /** A checkpoint that was made with something else than what is to go on from it. */
  readonly CheckpointMismatch: { readonly what: string; readonly expected: string; readonly actual: string };
  /** A function of a custom model threw, or gave something unusable. */
  readonly ModelFailure: { readonly what: "forward" | "jvp" | "vjp"; readonly cause: string };
  /** A function that the caller gave, such as "optimizer.update", threw, or gave something unusable. */
  readonly CallbackFailure: { readonly what: string; readonly cause: string };
  /** Bytes that are no file of the kind they should be; `what` is that kind. */
  readonly InvalidFile: { readonly what: string; readonly reason: string };
  /** A value that cannot be kept, since it is not plain data; `path` is its place, such as "state.steps[2]". */
  readonly NotPlain: { readonly path: string; readonly reason: string };
  /** A state of an optimizer that no update gives; `path` is the place in it, such as "layers[0].variance[3]". */
  readonly InvalidState: { readonly path: string; readonly value: unknown };
  /** Something that the chosen backend does not do, or the format of a file does not hold. */
  readonly Unsupported: { readonly what: string };
  /** Parameters or a batch on a device that were released, or donated to a step. */
  readonly Released: { readonly what: string };
  /** The GPU device is gone: it was lost, destroyed or closed. */
  readonly DeviceLost: { readonly cause: string };
  /** The GPU device refused a command. */
  readonly DeviceFailure: { readonly cause: string };
  /** More than an option allows: `what` is what there is too much of, `limit` the option's value. */
  readonly TooLarge: { readonly what: string; readonly option: string; readonly limit: number };
  /** Something that did not end in its time. */
  readonly TimedOut: { readonly what: string; readonly seconds: number };
  /** A store could not load or save, or a file could not be read. */
  readonly StorageFailed: { readonly what: "load" | "save"; readonly cause: string };
  /** An exception within `where` that nothing accounts for, which is a fault of the library; `cause` is what was thrown. */
  readonly Unexpected: { readonly where: string; readonly cause: unknown };
}

/** The name of a case. */
export type FgnErrorTag = keyof FgnErrorCases;

/**
 * Everything that can go wrong, as a union tagged by `_tag`.
 *
 * @example
 * ```ts
 * import { matrix } from "fgn";
 *
 * const result = matrix(2, 2, [1, 2, 3]);
 * if (result._tag === "Left") console.log(result.left._tag, result.left.remedy);
 * ```
 */
export type FgnError = {
  [Tag in FgnErrorTag]: { readonly _tag: Tag } & ErrorText & FgnErrorCases[Tag];
}[FgnErrorTag];

/**
 * Builds a `Left`.
 * @internal
 */
export function fail<Tag extends FgnErrorTag>(
  _tag: Tag,
  details: FgnErrorCases[Tag],
  message: string,
  remedy: string,
): E.Either<FgnError, never> {
  return E.left({ _tag, ...details, message, remedy } as unknown as FgnError);
}

/** One line for a person: tag, message and remedy. */
export function showError(error: FgnError): string {
  try {
    const { _tag, message, remedy } = error;
    return `${_tag}: ${message}${message.endsWith("?") ? "" : "."} ${remedy}.`;
  } catch {
    return "this is not an error of this library";
  }
}

/**
 * An `Overflow`.
 * @internal
 */
export function overflow(what: string): E.Either<FgnError, never> {
  return fail(
    "Overflow",
    { what },
    `${what} left the range of float32`,
    "Scale the features to about unit size, look for extreme values, or raise the damping",
  );
}

/**
 * An `InvalidOption`.
 * @internal
 */
export function invalid(option: string, value: unknown, wanted: string): E.Either<FgnError, never> {
  return fail("InvalidOption", { option, value }, `${option} is ${show(value)}`, cureOf(value) ?? `Give ${wanted}`);
}
