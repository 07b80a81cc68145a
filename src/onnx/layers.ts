/**
 * Layers of networks as nodes of ONNX.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import type { Activation, ActivationKind } from "../network/activations.ts";
import type { Layer, LayerNorm } from "../network/layer.ts";
import { addAxisNode, addNode, addScalar, addTensor, type Graph } from "./graph.ts";

/** Where a layer stands: its path, as tensors of files are named, and the names of the values it takes and gives. */
interface Place {
  readonly path: string;
  readonly input: string;
  readonly output: string;
}

/** Adds the nodes of a layer of a kind. */
type Add<L> = (graph: Graph, layer: L, place: Place) => void;

/** The operators of version 17 and later have a layer norm. */
const LAYER_NORM = 17;

/** The least version of the operators that layers need, as they are written here in a file of their own. */
export const opsetOf = (layers: readonly Layer[]): number =>
  Math.max(
    13,
    ...layers.map((layer) =>
      layer._tag === "layerNorm" ? LAYER_NORM : layer._tag === "residual" ? opsetOf(layer.layers) : 0
    ),
  );

const addMatrix = (graph: Graph, name: string, { rows, cols, data }: Matrix): string =>
  addTensor(graph, name, [rows, cols], data);

const addVector = (graph: Graph, name: string, data: Float32Array): string =>
  addTensor(graph, name, [data.length], data);

/** y = W x + b, with a weight of the layer, one output a row or one input a row. */
function addAffine(
  graph: Graph,
  { weight, bias }: { readonly weight: Matrix; readonly bias: Float32Array | null },
  { path, input, output }: Place,
  rows: "outputs" | "inputs",
): void {
  const inputs = [input, addMatrix(graph, `${path}.weight`, weight)];
  if (bias !== null) inputs.push(addVector(graph, `${path}.bias`, bias));
  addNode(graph, "Gemm", inputs, output, { transB: { int: rows === "outputs" ? 1 : 0 } });
}

/** A layer norm by the operators of before version 17. */
function addLayerNorm(graph: Graph, { gain, shift, epsilon }: LayerNorm, { path, input, output }: Place): void {
  const at = (name: string): string => `${output}.${name}`, KEEP = { keepdims: { int: 1 } };
  addAxisNode(graph, "ReduceMean", input, at("mean"), -1, KEEP);
  addNode(graph, "Sub", [input, at("mean")], at("centred"));
  addNode(graph, "Mul", [at("centred"), at("centred")], at("squares"));
  addAxisNode(graph, "ReduceMean", at("squares"), at("variance"), -1, KEEP);
  addNode(graph, "Add", [at("variance"), addScalar(graph, `${path}.epsilon`, epsilon)], at("raised"));
  addNode(graph, "Sqrt", [at("raised")], at("deviation"));
  addNode(graph, "Div", [at("centred"), at("deviation")], at("unit"));
  addNode(graph, "Mul", [at("unit"), addVector(graph, `${path}.gain`, gain)], at("scaled"));
  addNode(graph, "Add", [at("scaled"), addVector(graph, `${path}.shift`, shift)], output);
}

/** An activation that is an operator of its own. */
const operator = (name: string): Add<Activation> => (graph, _, { input, output }) =>
  addNode(graph, name, [input], output);

const ACTIVATION: { readonly [Kind in ActivationKind]: Add<Activation> } = {
  relu: operator("Relu"),
  leakyRelu: (graph, { slope }, { input, output }) =>
    addNode(graph, "LeakyRelu", [input], output, { alpha: { float: slope } }),
  tanh: operator("Tanh"),
  sigmoid: operator("Sigmoid"),
  // x ½(1 + erf(x/√2)), since the operator came with version 20 alone.
  gelu: (graph, _, { path, input, output }) => {
    const at = (name: string): string => `${output}.${name}`;
    addNode(graph, "Mul", [input, addScalar(graph, `${path}.root`, Math.SQRT1_2)], at("scaled"));
    addNode(graph, "Erf", [at("scaled")], at("erf"));
    addNode(graph, "Add", [at("erf"), addScalar(graph, `${path}.one`, 1)], at("raised"));
    addNode(graph, "Mul", [input, addScalar(graph, `${path}.half`, 0.5)], at("halved"));
    addNode(graph, "Mul", [at("halved"), at("raised")], output);
  },
  silu: (graph, _, { input, output }) => {
    addNode(graph, "Sigmoid", [input], `${output}.sigmoid`);
    addNode(graph, "Mul", [input, `${output}.sigmoid`], output);
  },
};

const ADD: { readonly [Tag in Layer["_tag"]]: Add<Extract<Layer, { readonly _tag: Tag }>> } = {
  dense: (graph, layer, place) => addAffine(graph, layer, place, "outputs"),
  embedding: (graph, layer, place) => addAffine(graph, layer, place, "inputs"),
  activation: (graph, layer, place) => ACTIVATION[layer.kind](graph, layer, place),
  layerNorm: (graph, layer, place) => {
    if (graph.opset < LAYER_NORM) return addLayerNorm(graph, layer, place);
    const { path, input, output } = place, { gain, shift, epsilon } = layer;
    const inputs = [input, addVector(graph, `${path}.gain`, gain), addVector(graph, `${path}.shift`, shift)];
    addNode(graph, "LayerNormalization", inputs, output, { axis: { int: -1 }, epsilon: { float: epsilon } });
  },
  // W x + b, then U (V x) times the scale, on top of it.
  adapter: (graph, layer, place) => {
    const { path, input, output } = place, { down, up, scale } = layer, at = (name: string) => `${output}.${name}`;
    addAffine(graph, layer, { ...place, output: at("base") }, "outputs");
    addNode(graph, "Gemm", [input, addMatrix(graph, `${path}.down`, down)], at("low"), { transB: { int: 1 } });
    const inputs = [at("low"), addMatrix(graph, `${path}.up`, up), at("base")];
    addNode(graph, "Gemm", inputs, output, { alpha: { float: scale }, transB: { int: 1 } });
  },
  residual: (graph, { layers }, { path, input, output }) => {
    addLayers(graph, layers, { path: `${path}.layers`, input, output: `${output}.inner` });
    addNode(graph, "Add", [input, `${output}.inner`], output);
  },
};

/** Adds the nodes of layers that follow one another; tensors are named as in safetensors files, "layers.0.weight". */
export function addLayers(graph: Graph, layers: readonly Layer[], { path, input, output }: Place): void {
  let before = input;
  for (const [index, layer] of layers.entries()) {
    const own = `${path}.${index}`, after = index === layers.length - 1 ? output : graph.prefix + own;
    (ADD[layer._tag] as Add<Layer>)(graph, layer, { path: own, input: before, output: after });
    before = after;
  }
}
