/**
 * A graph that is being written: nodes and tensors, for operators of one version.
 *
 * @module
 */

import type { Field } from "./message.ts";
import { type Attributes, node, tensor, type Values } from "./model.ts";

/** A graph that grows. */
export interface Graph {
  /** The version of the standard operators. */
  readonly opset: number;
  /** What the names of all that is added begin with, so that they differ from those that are there. */
  readonly prefix: string;
  /** The fields of its nodes, in the order in which they run. */
  readonly nodes: Field[][];
  /** The fields of its tensors. */
  readonly tensors: Field[][];
}

/** A graph without nodes. */
export const emptyGraph = (opset: number, prefix: string): Graph => ({ opset, prefix, nodes: [], tensors: [] });

/** Adds a node of one output. */
export function addNode(
  { nodes }: Graph,
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): void {
  nodes.push(node(operator, inputs, output, attributes));
}

/** Adds a tensor, and gives its whole name. */
export function addTensor({ tensors, prefix }: Graph, name: string, shape: readonly number[], values: Values): string {
  tensors.push(tensor(prefix + name, shape, values));
  return prefix + name;
}

/** Adds a number as a tensor without dimensions. */
export const addScalar = (graph: Graph, name: string, value: number): string =>
  addTensor(graph, name, [], Float32Array.of(value));

/** The versions from which on an operator takes its axes as an input; before, they are an attribute. */
const AXES_ARE_INPUT = { ReduceSum: 13, Unsqueeze: 13, ReduceMean: 18, ReduceL2: 18 } as const;

/** Adds a node over an axis. */
export function addAxisNode(
  graph: Graph,
  operator: keyof typeof AXES_ARE_INPUT,
  input: string,
  output: string,
  axis: number,
  attributes: Attributes = {},
): void {
  if (graph.opset < AXES_ARE_INPUT[operator]) {
    return addNode(graph, operator, [input], output, { axes: { ints: [axis] }, ...attributes });
  }
  const axes = graph.prefix + `axes${graph.tensors.length}`;
  addTensor(graph, axes.slice(graph.prefix.length), [1], BigInt64Array.of(BigInt(axis)));
  addNode(graph, operator, [input, axes], output, attributes);
}
