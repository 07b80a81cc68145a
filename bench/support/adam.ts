// Adam (Kingma and Ba 2015) with its usual constants, entry by entry of a vector of parameters.

const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** The constants, for a note. */
export const ADAM_NOTE = `β ${BETA1} and ${BETA2}, ε ${EPSILON}`;

/** Running means of the gradient and of its square. */
export interface AdamState {
  readonly steps: number;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

/** Means of zero. */
export const startAdam = (count: number): AdamState => ({
  steps: 0,
  mean: new Float32Array(count),
  square: new Float32Array(count),
});

/**
 * Overwrites a gradient by the step −rate · m̂/(√v̂ + ε), m̂ and v̂ the running means without the bias of their start at
 * zero; writes to the arrays of the state, too, and gives the next one.
 */
export function adamStep(gradient: Float32Array, { steps: before, mean, square }: AdamState, rate: number): AdamState {
  const steps = before + 1, first = 1 / (1 - BETA1 ** steps), second = 1 / (1 - BETA2 ** steps);
  for (let i = 0; i < gradient.length; i++) {
    const g = gradient[i] as number;
    const m = BETA1 * (mean[i] as number) + (1 - BETA1) * g;
    const v = BETA2 * (square[i] as number) + (1 - BETA2) * g * g;
    mean[i] = m;
    square[i] = v;
    gradient[i] = -rate * first * m / (Math.sqrt(second * v) + EPSILON);
  }
  return { steps, mean, square };
}
