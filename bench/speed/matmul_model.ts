// An ONNX model of one node, C = A·B.

import { encodeModel, node, valueInfo } from "../../src/onnx/model.ts";

const OPSET = 13;

/** The model for an m × k matrix a and a k × n matrix b; its output is c. */
export const matMulModel = (m: number, k: number, n: number): Uint8Array =>
  encodeModel(
    {
      nodes: [node("MatMul", ["a", "b"], "c")],
      tensors: [],
      inputs: [valueInfo("a", "float", [m, k]), valueInfo("b", "float", [k, n])],
      outputs: [valueInfo("c", "float", [m, n])],
    },
    OPSET,
    [],
  );
