/**
 * More classes for a network: new outputs of its last layer.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { guard } from "../check/total.ts";
import { allocateFloats, checkSize } from "../check/size.ts";
import type { Matrix } from "../data/matrix.ts";
import { ARRAY_FIELDS, asColumn } from "./arrays.ts";
import type { Layer, Network } from "./layer.ts";
import { checkNetwork, layerError } from "./network.ts";

/** Means of the columns, summed in float64. */
function columnMeans({ rows, cols, data }: Matrix): Float64Array {
  const sums = new Float64Array(cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) sums[c] = (sums[c] as number) + (data[r * cols + c] as number);
  }
  return sums.map((sum) => sum / rows);
}

/** The matrix with rows below, each the mean of those there are. Errors: `OutOfMemory`. */
function moreRows(matrix: Matrix, rows: number): E.Either<FgnError, Matrix> {
  const { cols } = matrix;
  const values = allocateFloats("parameters", rows * cols);
  if (values._tag === "Left") return values;
  const data = values.right, mean = columnMeans(matrix);
  data.set(matrix.data);
  for (let r = matrix.rows; r < rows; r++) data.set(mean, r * cols);
  return E.right({ rows, cols, data });
}

/** The matrix with columns to the right, each the mean of those there are. Errors: `OutOfMemory`. */
function moreColumns({ rows, cols, data }: Matrix, wanted: number): E.Either<FgnError, Matrix> {
  const values = allocateFloats("parameters", rows * wanted);
  if (values._tag === "Left") return values;
  for (let r = 0; r < rows; r++) {
    const row = data.subarray(r * cols, (r + 1) * cols);
    const mean = row.reduce((sum, v) => sum + v, 0) / cols;
    values.right.fill(mean, r * wanted, (r + 1) * wanted);
    values.right.set(row, r * wanted);
  }
  return E.right({ rows, cols: wanted, data: values.right });
}

/** The layer with more outputs, or null where nothing of it is an entry an output. Errors: `OutOfMemory`. */
function growLayer(layer: Layer, classes: number): E.Either<FgnError, Layer | null> {
  const grown: Record<string, unknown> = { ...layer };
  let grows = false;
  for (const { name, outputs } of ARRAY_FIELDS[layer._tag]) {
    const value = grown[name] as Matrix | Float32Array | null;
    if (outputs === null || value === null) continue;
    const isMatrix = "data" in value, more = outputs === "rows" ? moreRows : moreColumns;
    const matrix = more(isMatrix ? value : asColumn(value), classes);
    if (matrix._tag === "Left") return matrix;
    grown[name] = isMatrix ? matrix.right : matrix.right.data;
    grows = true;
  }
  return E.right(grows ? grown as unknown as Layer : null);
}

/**
 * The network with more classes, numbered from those it has: the last layer gets an output for each (a dense layer and
 * an adapter rows, an embedding columns, each its biases), the other layers are shared with the network given. The
 * logits of the classes that there were do not change.
 *
 * A new class starts with the mean weights and the mean bias of the others, so that its logit is the mean of their
 * logits: what softmax makes of it does not depend on a constant that all logits share. Training from zeros by steps
 * without a metric of the outputs leaves that mean at zero.
 *
 * Errors: `InvalidSize` (no whole number, or fewer classes than there are), `InvalidLayer` (the last layer is not dense,
 * an embedding or an adapter: within a residual block there are no logits to add to), `DonatedParameters`, `OutOfMemory`.
 *
 * @param classes C' ≥ C; for C' = C the network itself is returned
 * @example
 * ```ts
 * import { growClasses, linearHead } from "fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const head = linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], [0.5, -0.5]);
 * const grown = E.chain((network: import("fgn").Network) => growClasses(network, 3))(head);
 * if (grown._tag === "Right") console.log(grown.right.outputs); // 3: the new row is ½, ½, its bias 0
 * ```
 */
export function growClasses(network: Network, classes: number): E.Either<FgnError, Network> {
  return guard("growClasses", { network, classes }, () => addClasses(network, classes));
}

/** The network with more outputs. */
function addClasses(network: Network, classes: number): E.Either<FgnError, Network> {
  const fits = checkNetwork(network);
  if (fits._tag === "Left") return fits;
  const size = checkSize("classes", classes, network.outputs);
  if (size._tag === "Left") return size;
  if (classes === network.outputs) return E.right(network);
  const before = [...network.layers], last = before.pop() as Layer, head = growLayer(last, classes);
  if (head._tag === "Left") return head;
  return head.right === null
    ? layerError(`layers[${before.length}]`, "cannot grow: only a dense, embedding or adapter layer can, as the last")
    : E.right({ ...network, outputs: classes, layers: [...before, head.right] });
}
