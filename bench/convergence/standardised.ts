// Columns by hand, as for a baseline: mean 0 and deviation 1 on the training examples.

import { type Batch, getOrThrow, matrix } from "../../mod.ts";
import type { Matrix } from "../../src/data/matrix.ts";
import type { Data } from "./tasks.ts";

/** Mean and standard deviation of a column; the deviation is 1 where the column is constant. */
interface Column {
  readonly mean: number;
  readonly deviation: number;
}

function columnsOf({ rows, cols, data }: Matrix): Column[] {
  return Array.from({ length: cols }, (_, j) => {
    let sum = 0, square = 0;
    for (let i = 0; i < rows; i++) sum += data[i * cols + j] as number;
    const mean = sum / rows;
    for (let i = 0; i < rows; i++) square += ((data[i * cols + j] as number) - mean) ** 2;
    const deviation = Math.sqrt(square / rows);
    return { mean, deviation: deviation > 0 ? deviation : 1 };
  });
}

/** The features of examples, which are dense in this comparison. */
const matrixOf = ({ features }: Batch): Matrix => {
  if ("indices" in features) throw new Error("sparse features are not standardised");
  return features;
};

function scaled(examples: Batch, columns: readonly Column[]): Batch {
  const { rows, cols, data } = matrixOf(examples);
  const values = Float32Array.from(data, (v, k) => {
    const { mean, deviation } = columns[k % cols] as Column;
    return (v - mean) / deviation;
  });
  return { ...examples, features: getOrThrow(matrix(rows, cols, values)) };
}

/** Data whose columns have mean 0 and deviation 1 over the training examples; constant ones are 0 there. */
export function standardised({ train, test }: Data): Data {
  const columns = columnsOf(matrixOf(train));
  return { train: scaled(train, columns), test: scaled(test, columns) };
}
