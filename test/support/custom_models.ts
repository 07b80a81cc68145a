// Two models given by their functions in plain JavaScript, a linear head and a tanh network, beside the built-in
// networks that they repeat. Parameters lie in the order of `parameters`.

import {
  type CustomModel,
  customModel,
  type Features,
  getOrThrow,
  mlp,
  type ModelFunctions,
  type Network,
  parameters,
  randomHead,
} from "../../mod.ts";

export const D = 5, H = 4, C = 3;

type Numbers = ArrayLike<number>;

/** The i-th number. */
export const at = (values: Numbers, i: number): number => values[i] as number;

/** Σ_j w[from + j] x[first + j]. */
function inner(w: Numbers, from: number, x: Numbers, first: number, length: number): number {
  let sum = 0;
  for (let j = 0; j < length; j++) sum += at(w, from + j) * at(x, first + j);
  return sum;
}

/** f = W x + b; θ = (W, b). */
export const LINEAR: ModelFunctions = {
  forward: (theta, x) =>
    Array.from({ length: x.rows * C }, (_, n) => {
      const i = Math.floor(n / C), c = n % C;
      return inner(theta, c * D, x.data, i * D, D) + at(theta, C * D + c);
    }),
  jvp: (_, x, v) => LINEAR.forward(v, x),
  vjp: (theta, x, cotangent) => {
    const out = new Float64Array(theta.length);
    for (let n = 0; n < x.rows * C; n++) {
      const i = Math.floor(n / C), c = n % C, factor = at(cotangent, n);
      for (let d = 0; d < D; d++) out[c * D + d] = at(out, c * D + d) + factor * at(x.data, i * D + d);
      out[C * D + c] = at(out, C * D + c) + factor;
    }
    return out;
  },
};

/** Where b₁, W₂ and b₂ of the network start. */
export const B1 = H * D, W2 = B1 + H, B2 = W2 + C * H;

/** tanh(W₁ x + b₁), all rows. */
const hidden = (theta: Numbers, x: Features): Float64Array =>
  Float64Array.from({ length: x.rows * H }, (_, n) => {
    const i = Math.floor(n / H), h = n % H;
    return Math.tanh(inner(theta, h * D, x.data, i * D, D) + at(theta, B1 + h));
  });

/** f = W₂ tanh(W₁ x + b₁) + b₂. */
export const TANH: ModelFunctions = {
  forward: (theta, x) => {
    const z = hidden(theta, x);
    return Float64Array.from({ length: x.rows * C }, (_, n) => {
      const i = Math.floor(n / C), c = n % C;
      return inner(theta, W2 + c * H, z, i * H, H) + at(theta, B2 + c);
    });
  },
  jvp: (theta, x, v) => {
    const z = hidden(theta, x);
    const dz = z.map((value, n) => {
      const i = Math.floor(n / H), h = n % H;
      return (1 - value * value) * (inner(v, h * D, x.data, i * D, D) + at(v, B1 + h));
    });
    return Array.from({ length: x.rows * C }, (_, n) => {
      const i = Math.floor(n / C), c = n % C;
      return inner(v, W2 + c * H, z, i * H, H) + at(v, B2 + c) + inner(theta, W2 + c * H, dz, i * H, H);
    });
  },
  vjp: (theta, x, cotangent) => {
    const z = hidden(theta, x), out = new Float64Array(theta.length);
    const add = (k: number, v: number): void => void (out[k] = at(out, k) + v);
    for (let i = 0; i < x.rows; i++) {
      for (let h = 0; h < H; h++) {
        const value = at(z, i * H + h);
        let back = 0;
        for (let c = 0; c < C; c++) {
          const factor = at(cotangent, i * C + c);
          add(W2 + c * H + h, factor * value);
          if (h === 0) add(B2 + c, factor);
          back += factor * at(theta, W2 + c * H + h);
        }
        back *= 1 - value * value;
        for (let d = 0; d < D; d++) add(h * D + d, back * at(x.data, i * D + d));
        add(B1 + h, back);
      }
    }
    return out;
  },
};

const own = (builtIn: Network, functions: ModelFunctions): CustomModel =>
  getOrThrow(customModel({ parameters: parameters(builtIn), classes: C, ...functions }));
const HEAD = getOrThrow(randomHead({ features: D, classes: C }, 1));
const NETWORK = getOrThrow(mlp({ inputs: D, hidden: [H], classes: C, activation: "tanh", seed: 2 }));
/** A name, the built-in network, and the same as a model of one's own. */
export const PAIRS: readonly (readonly [string, Network, CustomModel])[] = [
  ["linear head", HEAD, own(HEAD, LINEAR)],
  ["tanh network", NETWORK, own(NETWORK, TANH)],
];
