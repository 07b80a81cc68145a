// What a program does until it is warm, phase by phase, so that a runtime whose clock stands still within can be
// timed from outside. "fgn" may only be imported as types: it is to come cold.

import type { Batch, Network } from "fgn";

/** A phase, in the order in which a program comes to it. */
export type Phase = "import" | "compile" | "data" | "prepare" | "step";

type Library = typeof import("fgn");

/** The size that is measured: B × D × C. */
const ROWS = 128, FEATURES = 384, CLASSES = 100;

let library: Library | undefined;
let problem: { readonly head: Network; readonly data: Batch } | undefined;

const imported = (): Library => {
  if (library === undefined) throw new Error("not imported yet");
  return library;
};

const prepared = (): NonNullable<typeof problem> => {
  if (problem === undefined) throw new Error("no data yet");
  return problem;
};

/** Data, by few turns of a loop: this is not what is measured. */
function makeData({ batch, getOrThrow, matrix, zeroHead }: Library): void {
  const values = new Float32Array(ROWS * FEATURES);
  for (let i = 0; i < 997; i++) values[i] = (i * 37 % 101) / 50 - 1;
  for (let filled = 997; filled < values.length; filled *= 2) values.copyWithin(filled, 0, filled);
  const labels = Uint32Array.from({ length: ROWS }, (_, i) => i % CLASSES);
  const features = getOrThrow(matrix(ROWS, FEATURES, values));
  const head = getOrThrow(zeroHead({ features: FEATURES, classes: CLASSES }));
  problem = { head, data: getOrThrow(batch({ features, labels })) };
}

/** One number through the kernel: decoding, compiling and instantiating it, and little else. */
function compile({ getOrThrow, logits, matrix, zeroHead }: Library): void {
  getOrThrow(logits(getOrThrow(zeroHead({ features: 1, classes: 2 })), getOrThrow(matrix(1, 1, [0]))));
}

const PHASES: Readonly<Record<Phase, () => unknown>> = {
  import: async () => library = await import("fgn"),
  compile: () => compile(imported()),
  data: () => makeData(imported()),
  prepare: () => imported().getOrThrow(imported().prepareKernel(prepared().head, ROWS)),
  step: () => imported().getOrThrow(imported().fgnStep(prepared().head, prepared().data)),
};

/** Does a phase. */
export async function run(phase: Phase): Promise<void> {
  await PHASES[phase]();
}

/** Milliseconds of phases, one after the other. */
export async function timed(phases: readonly Phase[]): Promise<number[]> {
  const times: number[] = [];
  for (const phase of phases) {
    const began = performance.now();
    const done = PHASES[phase]();
    if (phase === "import") await done;
    times.push(performance.now() - began);
  }
  return times;
}
