// The results as the table of docs/gpu.md.

import { table } from "../support/markdown.ts";

/** Best milliseconds of a shape. */
export interface Measured {
  readonly what: string;
  readonly gpu: number;
  readonly withoutLossAfter: number;
  readonly cpu: number;
  readonly ratio: number;
}

/** Three digits, or all before the point. */
const digits = (ms: number): string => ms < 100 ? ms.toFixed(1) : Math.round(ms).toLocaleString("en-US");

/** A row a shape. */
export const tableOf = (rows: readonly Measured[]): string =>
  table(
    ["batch, inputs, …, classes", "GPU, ms", "without the loss after", "CPU, ms", "CPU / GPU"],
    rows.map(({ what, gpu, withoutLossAfter, cpu, ratio }) => [
      what,
      digits(gpu),
      digits(withoutLossAfter),
      digits(cpu),
      ratio.toFixed(3),
    ]),
    "numbers",
  );
