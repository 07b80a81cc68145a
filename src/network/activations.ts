/**
 * The elementwise functions: the one list of them, and their layers.
 *
 * A new one is a line of {@link ACTIVATIONS} and a constructor here, its export in mod.ts, its function for the kernel in
 * assembly/activation.ts, its function for devices in src/gpu/tape/shaders/elementwise.ts and its nodes in
 * src/onnx/operations.ts.
 *
 * @module
 */

/** Facts of an activation beside the function itself. */
interface ActivationFacts {
  /** Stands for it in the kernel (assembly/activation.ts) and in shaders. */
  readonly number: number;
  /** Initial weights before it (`auto`): by He where it leaves about half of its inputs as they are, else by Glorot. */
  readonly initial: "he" | "glorot";
  /** Its slope below zero by default; null: it takes none. */
  readonly slope: number | null;
}

/** Every activation, with its facts. Only the type is public: its keys are the kinds. */
export const ACTIVATIONS = {
  relu: { number: 0, initial: "he", slope: null },
  leakyRelu: { number: 1, initial: "he", slope: 0.01 },
  tanh: { number: 2, initial: "glorot", slope: null },
  sigmoid: { number: 3, initial: "glorot", slope: null },
  gelu: { number: 4, initial: "he", slope: null },
  silu: { number: 5, initial: "he", slope: null },
} as const satisfies Readonly<Record<string, ActivationFacts>>;

/** The elementwise functions. `gelu` is x Φ(x) with the exact Gaussian Φ; `silu` is x σ(x). */
export type ActivationKind = keyof typeof ACTIVATIONS;

/** An elementwise function. */
export interface Activation {
  /** An elementwise function. */
  readonly _tag: "activation";
  /** Which one. */
  readonly kind: ActivationKind;
  /** Slope below zero of `leakyRelu`; 0 for the others. */
  readonly slope: number;
}

/** The slope of a kind; 0 of what is none. */
const slopeOf = (kind: ActivationKind): number =>
  typeof kind === "string" && Object.hasOwn(ACTIVATIONS, kind) ? ACTIVATIONS[kind].slope ?? 0 : 0;

/**
 * An activation of any kind, perhaps one that there is not: checks of networks tell.
 *
 * @internal
 */
export function activation(kind: ActivationKind, slope: number = slopeOf(kind)): Activation {
  return { _tag: "activation", kind, slope };
}

/** max(x, 0). */
export function relu(): Activation {
  return activation("relu");
}

/** x above zero, slope · x below. */
export function leakyRelu(slope: number = ACTIVATIONS.leakyRelu.slope): Activation {
  return activation("leakyRelu", slope);
}

/** The hyperbolic tangent. */
export function tanh(): Activation {
  return activation("tanh");
}

/** 1/(1 + e^−x). */
export function sigmoid(): Activation {
  return activation("sigmoid");
}

/** x Φ(x) with the exact Gaussian Φ (Hendrycks and Gimpel 2016). */
export function gelu(): Activation {
  return activation("gelu");
}

/** x σ(x) (Elfwing et al. 2018). */
export function silu(): Activation {
  return activation("silu");
}
