// What a golden file of a linear head or a network holds, and its layers.

import type { Layer } from "../../mod.ts";

/** All numbers are float64, matrices row-major. */
export interface Golden {
  readonly name: string;
  readonly batchSize: number;
  readonly layers: readonly {
    readonly inDim: number;
    readonly outDim: number;
    readonly weight: number[];
    readonly bias: number[] | null;
  }[];
  readonly activation: "tanh" | "relu" | null;
  readonly x: number[];
  readonly y: number[];
  readonly expected: {
    readonly logits: number[];
    readonly margins: number[];
    readonly loss: number;
    readonly gradient: number[];
    readonly gram: number[];
    readonly steps: readonly {
      readonly damping: number;
      readonly step: number[];
      readonly fullGgnStep: number[];
      readonly predictedReductionFgn: number;
      readonly predictedReductionGgn: number;
      readonly lossAfterStep: number;
    }[];
  };
}

/** The steps of robust variants on the problem of another file, at one damping. */
export interface Variant extends Omit<Golden, "expected"> {
  readonly damping: number;
  readonly eta: number;
  readonly expected: {
    readonly stepMajorized: number[];
    readonly stepMajorizedCentred: number[];
    readonly stepMajorizedCentredTwoStage: number[];
  };
}

/** The layers, with the activation between dense ones. */
export function layersOf({ layers, activation }: Pick<Golden, "layers" | "activation">): Layer[] {
  return layers.flatMap(({ inDim, outDim, weight, bias }, index): Layer[] => {
    const matrix = { rows: outDim, cols: inDim, data: Float32Array.from(weight) };
    const dense: Layer = { _tag: "dense", weight: matrix, bias: bias && Float32Array.from(bias), frozen: false };
    return index === 0 ? [dense] : [{ _tag: "activation", kind: activation ?? "tanh", slope: 0 }, dense];
  });
}
