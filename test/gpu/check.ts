// What the cases of the backends share. They throw where something is wrong, know no test framework and no file system,
// and run wherever there is a backend.

import type { Either, FgnError, FgnErrorTag, Network, TaskEither } from "../../mod.ts";
import { showError } from "../../mod.ts";
import type { Batch } from "../../mod.ts";
import type { Backend, Resident, ResidentBatch } from "../../src/gpu/gpu.ts";
import type { Golden, Variant } from "../support/golden_file.ts";

/** Images of 28 × 28 bytes and what they show. */
export interface Digits {
  readonly pixels: readonly number[];
  readonly labels: readonly number[];
}

/** What cases are given, since not every runtime has a file system. */
export interface Given {
  /** The files of test/golden: linear_*, mlp_*. */
  readonly golden: readonly Golden[];
  /** ext_*. */
  readonly variants: readonly Variant[];
  readonly train: Digits;
  readonly test: Digits;
}

/** A case on a backend. */
export interface Case {
  readonly name: string;
  /** Takes long where shaders are slow to compile, so that one place takes it as a rule; default false. */
  readonly long?: boolean;
  readonly run: (backend: Backend, given: Given) => Promise<void>;
}

/** A case that opens its own devices, through navigator.gpu. */
export interface DeviceCase extends Pick<Case, "name" | "long"> {
  readonly run: (given: Given) => Promise<void>;
}

/** Throws unless it is so. */
export function check(so: boolean, what: string): asserts so {
  if (!so) throw new Error(what);
}

/** Throws unless a number is below its limit; NaN is not. */
export function below(value: number, limit: number, what: string): void {
  check(value < limit, `${what}: ${value}, not below ${limit}`);
}

/** Throws unless two plain values have the same JSON. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(a === b, `${what}: ${a?.slice(0, 300)}, not ${b?.slice(0, 300)}`);
}

/** Throws unless two numbers are close: relative, or absolute below 1. */
export function close(actual: number | undefined, expected: number | undefined, tolerance: number, what: string): void {
  if (actual === undefined || expected === undefined) return equal(actual, expected, what);
  below(Math.abs(actual - expected) / Math.max(1, Math.abs(expected)), tolerance, `${what} (${actual}, ${expected})`);
}

/** The value of a task; throws what an error says. */
export async function done<A>(task: TaskEither<FgnError, A>): Promise<A> {
  const result = await task();
  if (result._tag === "Left") throw new Error(showError(result.left));
  return result.right;
}

/** Throws unless it is a `Left` with a tag, a message and a remedy; gives the error. */
export function refused(result: Either<FgnError, unknown>, tag: FgnErrorTag, what: string): FgnError {
  check(result._tag === "Left", `${what}: no error where ${tag} is due`);
  const { _tag, message, remedy } = result.left;
  equal(_tag, tag, `${what} (${message})`);
  check(message.length > 10 && remedy.length > 10, `${what}: an error without words`);
  return result.left;
}

/** A network and a batch on a backend for as long as a function runs. */
export async function lent(
  backend: Backend,
  model: Network,
  data: Batch,
  use: (params: Resident, batch: ResidentBatch) => Promise<void>,
): Promise<void> {
  const params = await done(backend.onDevice(model)), batch = await done(backend.batchOnDevice(data));
  try {
    await use(params, batch);
  } finally {
    backend.release(params);
    backend.release(batch);
  }
}
