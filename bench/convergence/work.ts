// Multiply-adds of a step, from the widths of the layers.
//
// With P = Σ in · out over the layers, P₁ that of the first, and B examples:
//
//     forward B P,   signals back B (P − P₁),   weight gradient B P:    gradient  B (3P − P₁)
//     L-BFGS: two gradients, and four passes over each pair of the history: 4 · 10 P
//     full Gauss-Newton: a gradient; an iteration: tangents B (2P − P₁), signals back, projection:  B (4P − 2P₁)
//     row system: Gram matrices of inputs and signals ½ B² Σ (in + out), Cholesky B³/6
//     robust, two-stage, beside that, with D inputs of the last layer: over the rows (D ≥ B) Cholesky, its inverse and the
//         inverse of the matrix B³/2, mixing B² · classes; else over the columns B D² (twice half of it), Cholesky and its
//         inverse D³/3, a Gram matrix ½ B² D, and D² · classes
//
// Left out: work of order B · width and of order P without B, such as Adam's running means and the averages.

import { ITERATIONS } from "./full_gauss_newton.ts";
import { HISTORY } from "./lbfgs.ts";

/** Multiply-adds of a step of a method on layers of these widths. */
export function multiplyAdds(method: string, sizes: readonly number[], rows: number): number {
  const products = sizes.slice(1).map((out, layer) => (sizes[layer] as number) * out);
  const all = products.reduce((sum, p) => sum + p, 0), first = products[0] as number;
  const gradient = rows * (3 * all - first);
  const widths = sizes.slice(1).reduce((sum, out, layer) => sum + (sizes[layer] as number) + out, 0);
  const rowSystem = rows ** 2 * widths / 2 + rows ** 3 / 6;
  const width = sizes.at(-2) as number, classes = sizes.at(-1) as number;
  const twoStage = width >= rows
    ? rows ** 3 / 2 + rows ** 2 * classes
    : rows * width ** 2 + width ** 3 / 3 + rows ** 2 * width / 2 + width ** 2 * classes;
  switch (method) {
    case "lbfgs":
      return 2 * gradient + 4 * HISTORY * all;
    case "full-gauss-newton":
      return gradient + ITERATIONS * rows * (4 * all - 2 * first);
    case "paper":
    case "empirical-fisher":
      return gradient + rowSystem;
    case "robust":
    case "robust-chosen":
      return gradient + rowSystem + twoStage;
    default:
      return gradient;
  }
}
