/**
 * From what an encoder gives to the vector of a text.
 *
 * @module
 */

import { addAxisNode, addNode, addScalar, addTensor, type Graph } from "./graph.ts";
import { TYPE } from "./model.ts";

/** How the vectors of tokens become one. */
export type Pooling = "mean" | "cls" | "none";

/** What there is to pool. */
export interface Pooled {
  /** The name of the encoder's output. */
  readonly output: string;
  /** The name of the mask of tokens. */
  readonly mask: string;
  /** Whether the vector gets length 1. */
  readonly normalize: boolean;
}

const KEEP = { keepdims: { int: 1 } }, DROP = { keepdims: { int: 0 } };

/** Divides by a number of each row, which is raised to a least one first: 0/0 is none. */
function addQuotient(graph: Graph, above: string, below: string, least: number, output: string): void {
  addNode(
    graph,
    "Max",
    [below, addScalar(graph, `${output.slice(graph.prefix.length)}.least`, least)],
    `${below}.raised`,
  );
  addNode(graph, "Div", [above, `${below}.raised`], output);
}

/** The mean over the tokens that count. */
function addMean(graph: Graph, hidden: string, mask: string, output: string): void {
  const at = (name: string): string => graph.prefix + name;
  addNode(graph, "Cast", [mask], at("mask"), { to: { int: TYPE.float } });
  addAxisNode(graph, "Unsqueeze", at("mask"), at("mask.column"), 2);
  addNode(graph, "Mul", [hidden, at("mask.column")], at("masked"));
  addAxisNode(graph, "ReduceSum", at("masked"), at("sum"), 1, DROP);
  addAxisNode(graph, "ReduceSum", at("mask"), at("count"), 1, KEEP);
  addQuotient(graph, at("sum"), at("count"), 1e-9, output);
}

/** Adds the nodes from an encoder's output to a vector a row, as float32; gives its name. */
export function addPooling(graph: Graph, pooling: Pooling, { output, mask, normalize }: Pooled): string {
  const at = (name: string): string => graph.prefix + name;
  addNode(graph, "Cast", [output], at("hidden"), { to: { int: TYPE.float } });
  const pooled = pooling === "none" ? at("hidden") : at("pooled");
  if (pooling === "mean") addMean(graph, at("hidden"), mask, pooled);
  if (pooling === "cls") {
    const first = addTensor(graph, "first", [], BigInt64Array.of(0n));
    addNode(graph, "Gather", [at("hidden"), first], pooled, { axis: { int: 1 } });
  }
  if (!normalize) return pooled;
  addAxisNode(graph, "ReduceL2", pooled, at("length"), 1, KEEP);
  addQuotient(graph, pooled, at("length"), 1e-12, at("unit"));
  return at("unit");
}
