// The tables of a run, in order.

import { curves } from "./curves.ts";
import { linear } from "./linear.ts";
import type { Case } from "./measure.ts";
import { native } from "./native.ts";
import { networks, presets } from "./network.ts";
import { products } from "./products.ts";
import type { Table } from "./report.ts";
import { sparseSteps, sparseTraining } from "./sparse.ts";

/** A table to be filled, with what those before it found. */
interface Plan extends Omit<Table, "cases"> {
  readonly run: (before: readonly Table[]) => Promise<readonly Case[]>;
}

/** All of them. */
export const TABLES: readonly Plan[] = [
  {
    id: "products",
    title: "Products",
    note: "m×k×n, ours with the packing of its right operand, onnxruntime-web with its copies in and out.",
    base: "fgn",
    run: products,
  },
  {
    id: "linear",
    title: "Step of a linear head",
    note:
      "FGN and SGD on our kernels, in place and without the loss after the step unless said otherwise; GGN-CG10: full " +
      "Gauss-Newton by ten iterations of conjugate gradient. Fitted: the parameters after 30 bold steps on the batch.",
    base: "FGN",
    run: linear,
  },
  {
    id: "networks",
    title: "Step of a network",
    note: "Relu networks, batch×inputs×hidden×classes.",
    base: "FGN",
    run: networks,
  },
  {
    id: "presets",
    title: "An update of `robust()`",
    note: "As `train` does it: parameters and state donated, with the running average of the parameters.",
    base: "robust",
    run: presets,
  },
  {
    id: "curves",
    title: "One axis at a time",
    note:
      "Steps in place. Up to a batch of 256 the system is solved directly; the flops behind the share are those of that.",
    base: "FGN",
    run: curves,
  },
  {
    id: "sparse",
    title: "Sparse features",
    note: "A training step on the n-grams of texts, in place, without the loss after it.",
    base: "dense 1024 → 64 → 522",
    run: sparseSteps,
  },
  {
    id: "sparseTraining",
    title: "An update of `robust()` over sparse features",
    note:
      "As `train` does it, on other texts every time, with the running average of a table of 2^18 rows; `fgnStep` with " +
      "`donate`.",
    base: "fgnStep",
    run: sparseTraining,
  },
  {
    id: "native",
    title: "Native",
    note: "An SGD step in other languages on this machine, one thread.",
    base: "FGN",
    run: (before) => Promise.resolve(native(before.find(({ id }) => id === "linear")?.cases ?? [])),
  },
];
