// The kernel: let go and made again, relaxed where the engine has it, and what an engine says to compiling bytes.

import { fgnStep, getOrThrow, prepareKernel, releaseKernel } from "fgn";
import { relaxedKernel } from "fgn/relaxed";
import { below, type Cases, check, equal, refused, relativeError } from "../check.ts";
import { flat, problem } from "../data.ts";

const bytes = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** The module of nothing, and one function of a v128 that is a relaxed multiply-add of it. */
const EMPTY = bytes("0061736d01000000");
const RELAXED = bytes("0061736d0100000001060160017b017b030201000a0d010b00200020002000fd85020b");

/** Whether the engine knows relaxed SIMD: validating is no code generation, so that the edge allows it, too. */
export const hasRelaxed = (): boolean => WebAssembly.validate(RELAXED);

/** Whether bytes can be compiled here. */
function compiles(): boolean {
  try {
    return new WebAssembly.Module(EMPTY) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}

const { head, data } = problem(64, 20, 10);

/** The cases of a runtime that lets a program compile bytes, or forbids it. */
export const kernel = (forbidden: boolean): Cases => ({
  "compiling bytes is allowed, or refused, as the runtime is meant to": () => {
    equal(compiles(), !forbidden, "compiles bytes");
  },

  "a kernel that was let go is made again, and does the same": () => {
    const before = getOrThrow(fgnStep(head, data, 0.1));
    releaseKernel();
    const after = getOrThrow(fgnStep(head, data, 0.1));
    equal(after, before, "the step");
    return [flat(after.params)];
  },

  "prepareKernel() takes its steps on any kernel, and leaves the real ones as they are": () => {
    const before = getOrThrow(fgnStep(head, data, 0.1));
    releaseKernel();
    for (const option of [{}, ...hasRelaxed() ? [{ kernel: getOrThrow(relaxedKernel()) }] : []]) {
      const { steps } = getOrThrow(prepareKernel(head, 64, { milliseconds: 5, ...option }));
      check(steps >= 1, `${steps} steps`);
    }
    equal(getOrThrow(fgnStep(head, data, 0.1)), before, "the step");
  },

  "the relaxed kernel is close to the other one, or says what is missing": () => {
    const made = relaxedKernel();
    if (!hasRelaxed()) return void refused(made, "UnsupportedRuntime", "relaxed SIMD");
    const relaxed = getOrThrow(made);
    equal(relaxed.name, "relaxed-simd", "name");
    const own = flat(getOrThrow(fgnStep(head, data, 0.1, { kernel: relaxed })).params);
    const plain = flat(getOrThrow(fgnStep(head, data, 0.1)).params);
    const start = flat(head), taken = (params: Float32Array) => params.map((v, i) => v - (start[i] as number));
    // One rounding less in each multiply-add of float32.
    below(relativeError(taken(own), taken(plain)), 1e-4, "the step");
  },
});
