/**
 * A symmetric matrix on the device: its other half, its diagonal, its product with a vector.
 *
 * @module
 */

import { declarations, GROUP, type Shader, TILE } from "../../device/shader.ts";
import { reduction, ROWS, SHARED } from "./margin.ts";
import { TILED } from "./product.ts";

/** Rows of a tile that the shared memory holds at a time; their columns lie one number apart from a multiple of 16. */
const SLICE = 16;

const READ = "read array<f32>", WRITE = "read_write array<f32>";

/** Copies tiles below the diagonal of `from` to their mirrored places in `out`. */
function mirrored(name: string, buffers: Readonly<Record<string, string>>, from: string): Shader {
  const source = [
    declarations(["m: u32", "n: u32", "ld: u32", "rowFrom: u32", "columnFrom: u32"], buffers),
    /* wgsl */ `
const TILE = ${TILE}u;
var<workgroup> slice: array<f32, ${TILE * (SLICE + 1)}>;
`,
    TILED,
    /* wgsl */ `
  if (p.rowFrom + row < p.columnFrom + column + TILE) { return; }
  for (var start = 0u; start < TILE; start += ${SLICE}u) {
    for (var index = local; index < TILE * ${SLICE}u; index += ${GROUP}u) {
      let i = index / TILE;
      let j = index % TILE;
      var v = 0.0;
      if (row + start + i < p.m && column + j < p.n) {
        v = ${from}[(row + start + i) * p.ld + p.columnFrom + column + j];
      }
      slice[j * ${SLICE + 1}u + i] = v;
    }
    workgroupBarrier();
    for (var index = local; index < TILE * ${SLICE}u; index += ${GROUP}u) {
      let j = index / ${SLICE}u;
      let i = index % ${SLICE}u;
      if (row + start + i < p.m && column + j < p.n) {
        out[(column + j) * p.ld + p.rowFrom + row + start + i] = slice[j * ${SLICE + 1}u + i];
      }
    }
    workgroupBarrier();
  }
}`,
  ].join("\n");
  return { name, source };
}

/**
 * Fills tiles above the diagonal from those below it, within one block of rows. Tiles on the diagonal are complete.
 */
export const mirrorWithin: Shader = mirrored("mirror within", { out: WRITE }, "out");

/** The same from a block of rows to one above it: rows from `rowFrom` on, of it the columns from `columnFrom` on. */
export const mirrorAcross: Shader = mirrored("mirror across", { lower: WRITE, out: WRITE }, "lower");

/** out_i = k_ii of rows from `rowFrom` on. */
export const diagonalOf: Shader = {
  name: "diagonal",
  source: [
    declarations(["m: u32", "ld: u32", "rowFrom: u32"], { k: READ, out: WRITE }),
    /* wgsl */ `
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < p.m) { out[id.x] = k[id.x * p.ld + p.rowFrom + id.x]; }
}`,
  ].join("\n"),
};

/** out = K x, one workgroup a row. */
export const symmetricProduct: Shader = {
  name: "symmetric product",
  source: [
    declarations(["n: u32", "ld: u32"], { k: READ, x: READ, out: WRITE }),
    SHARED,
    reduction("total", "x + y"),
    ROWS,
    /* wgsl */ `
  var sum = 0.0;
  for (var j = local; j < p.n; j += ${GROUP}u) { sum = fma(k[row * p.ld + j], x[j], sum); }
  let all = total(local, sum);
  if (local == 0u) { out[row] = all; }
}`,
  ].join("\n"),
};
