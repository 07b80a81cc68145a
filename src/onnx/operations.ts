/**
 * The operations of networks as nodes of ONNX: what backends compute, as {@link lower} lists it, written down.
 *
 * @module
 */

import type { Tensor } from "../io/safetensors.ts";
import type { Activation, ActivationKind } from "../network/activations.ts";
import type { Network } from "../network/layer.ts";
import { lower, type Normalise, type Operation } from "../network/lower.ts";
import { networkTensors } from "../network/tensors.ts";
import { addAxisNode, addNode, addScalar, addTensor, type Graph } from "./graph.ts";

/** Where an operation stands: the names of the values that it takes and of the one that it gives. */
interface Place {
  readonly inputs: readonly string[];
  readonly output: string;
  /** Adds the next array of the network, in flat order, and gives its name. */
  readonly array: () => string;
}

/** Adds the nodes of an operation of a kind. */
type Write<O> = (graph: Graph, operation: O, place: Place) => void;

/** From this version on there is an operator for a layer norm. */
const LAYER_NORM = 17;

/** The least version of operators that a network needs as it is written here. */
export const opsetOf = (network: Network): number =>
  lower(network).some(({ operation }) => operation._tag === "normalise") ? LAYER_NORM : 13;

/** A number of its own, named after the value that it is for. */
const scalar = (graph: Graph, output: string, name: string, value: number): string =>
  addScalar(graph, `${output.slice(graph.prefix.length)}.${name}`, value);

/** A layer norm by the operators of before version 17. */
function writeNormalise(graph: Graph, { epsilon }: Normalise, { inputs: [input = ""], output, array }: Place): void {
  const at = (name: string): string => `${output}.${name}`, KEEP = { keepdims: { int: 1 } };
  addAxisNode(graph, "ReduceMean", input, at("mean"), -1, KEEP);
  addNode(graph, "Sub", [input, at("mean")], at("centred"));
  addNode(graph, "Mul", [at("centred"), at("centred")], at("squares"));
  addAxisNode(graph, "ReduceMean", at("squares"), at("variance"), -1, KEEP);
  addNode(graph, "Add", [at("variance"), scalar(graph, output, "epsilon", epsilon)], at("raised"));
  addNode(graph, "Sqrt", [at("raised")], at("deviation"));
  addNode(graph, "Div", [at("centred"), at("deviation")], at("unit"));
  addNode(graph, "Mul", [at("unit"), array()], at("scaled"));
  addNode(graph, "Add", [at("scaled"), array()], output);
}

/** An activation that is an operator of its own. */
const operator = (name: string): Write<Activation> => (graph, _, { inputs, output }) =>
  addNode(graph, name, inputs, output);

const ACTIVATIONS: { readonly [Kind in ActivationKind]: Write<Activation> } = {
  relu: operator("Relu"),
  leakyRelu: (graph, { slope }, { inputs, output }) =>
    addNode(graph, "LeakyRelu", inputs, output, { alpha: { float: slope } }),
  tanh: operator("Tanh"),
  sigmoid: operator("Sigmoid"),
  // x ½(1 + erf(x/√2)): the operator of that name came with version 20.
  gelu: (graph, _, { inputs: [input = ""], output }) => {
    const at = (name: string): string => `${output}.${name}`;
    addNode(graph, "Mul", [input, scalar(graph, output, "root", Math.SQRT1_2)], at("scaled"));
    addNode(graph, "Erf", [at("scaled")], at("erf"));
    addNode(graph, "Add", [at("erf"), scalar(graph, output, "one", 1)], at("raised"));
    addNode(graph, "Mul", [input, scalar(graph, output, "half", 0.5)], at("halved"));
    addNode(graph, "Mul", [at("halved"), at("raised")], output);
  },
  silu: (graph, _, { inputs: [input = ""], output }) => {
    addNode(graph, "Sigmoid", [input], `${output}.sigmoid`);
    addNode(graph, "Mul", [input, `${output}.sigmoid`], output);
  },
};

const OPERATIONS: { readonly [Tag in Operation["_tag"]]: Write<Extract<Operation, { readonly _tag: Tag }>> } = {
  product: (graph, { bias, byRow }, { inputs, output, array }) => {
    const arrays = bias === null ? [array()] : [array(), array()];
    addNode(graph, "Gemm", [...inputs, ...arrays], output, { transB: { int: byRow ? 0 : 1 } });
  },
  activate: (graph, { activation }, place) => ACTIVATIONS[activation.kind](graph, activation, place),
  normalise: (graph, operation, place) => {
    if (graph.opset < LAYER_NORM) return writeNormalise(graph, operation, place);
    const { inputs, output, array } = place, epsilon = { float: operation.epsilon };
    addNode(graph, "LayerNormalization", [...inputs, array(), array()], output, { axis: { int: -1 }, epsilon });
  },
  multiply: (graph, { factor }, { inputs, output }) =>
    addNode(graph, "Mul", [...inputs, scalar(graph, output, "factor", factor)], output),
  add: (graph, _, { inputs, output }) => addNode(graph, "Add", inputs, output),
};

/** Adds the nodes of a network, from its features to its logits; tensors have the names of safetensors files. */
export function addNetwork(graph: Graph, network: Network, input: string, output: string): void {
  const arrays = networkTensors(network).entries(), list = lower(network), slots = [input];
  const array = (): string => {
    const [name, { shape, data }] = arrays.next().value as [string, Tensor & { readonly data: Float32Array }];
    return addTensor(graph, name, shape, data);
  };
  for (const [index, { operation, from }] of list.entries()) {
    const last = index === list.length - 1, inputs = from.map((slot) => slots[slot] as string);
    const place: Place = { inputs, output: last ? output : `${graph.prefix}slot.${index + 1}`, array };
    slots.push(place.output);
    (OPERATIONS[operation._tag] as Write<Operation>)(graph, operation, place);
  }
}
