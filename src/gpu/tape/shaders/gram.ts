/**
 * The Gram matrix of a layer, added to that of the layers before.
 *
 * @module
 */

import { declarations, type Shader } from "../../device/shader.ts";
import { accumulate, eachEntry, registers, SLICES, TILED } from "./product.ts";

const READ = "read array<f32>";

/**
 * K += (A Aᵀ + constant) ∘ (Δ Δᵀ) for the rows from `rowFrom` and the columns from `columnFrom` on, tiles on and below
 * the diagonal alone. a, d hold the rows, b, e the columns' rows of A and Δ; `inputs` may be 0.
 */
export const gram: Shader = {
  name: "gram",
  source: [
    declarations(
      [
        "m: u32",
        "n: u32",
        "inputs: u32",
        "outputs: u32",
        "ld: u32",
        "rowFrom: u32",
        "columnFrom: u32",
        "constant: f32",
      ],
      { a: READ, b: READ, d: READ, e: READ, out: "read_write array<f32>" },
    ),
    SLICES,
    TILED,
    "if (p.rowFrom + row + TILE <= p.columnFrom + column) { return; }",
    registers("c"),
    registers("s"),
    accumulate(
      "c",
      "p.inputs",
      { element: "a[at * p.inputs + k]", alongK: true },
      { element: "b[at * p.inputs + k]", alongK: true },
    ),
    accumulate(
      "s",
      "p.outputs",
      { element: "d[at * p.outputs + k]", alongK: true },
      { element: "e[at * p.outputs + k]", alongK: true },
    ),
    eachEntry((r) => `(c${r} + p.constant) * s${r}`, "out[i * p.ld + p.columnFrom + j] += v;"),
    "}",
  ].join("\n"),
};
