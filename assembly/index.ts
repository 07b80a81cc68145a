// The kernel's exports. All arguments are plain numbers and byte addresses; nothing is allocated here and
// nothing is imported. Memory from heapBase() on belongs to the caller.

export { fillPanels, packRows, packTransposed, transposePanels, unpackRows, unpackTransposed } from "./pack";
export { product, productPanels } from "./gemm";
export { productTransposedPanels } from "./gemm_transposed";
export { gramPanel, mirror, whiten } from "./gram";
export { competitors, margins, ranks } from "./margin";
export { addClasses, exponentiate } from "./classes";
export { curvatureProduct } from "./curvature";
export { vexp, vlog } from "./exp";
export { activate, verf, vsigmoid, vtanh } from "./activation";
export { normalise, normaliseBackward, normaliseTangent } from "./normalise";
export { cholesky, choleskySolve, dot64, multiply64, triangularInverse } from "./solve";
export { allFinite, average, axpy, axpy64, dot, multiplyAdd, norm, scale, scaleAdd, scaleAdd64 } from "./blas1";
export { addRowSums, addScaledColumns, coefficients, columnDots, scaleColumns, weightedRowSums } from "./panels";
export { csrGram, csrProduct, csrSquares, csrUpdate } from "./sparse";
export { centre, centredSquares, finishLayer, power } from "./metric";
export { addInputGram, reduceInputs } from "./stage_columns";
export { complement, writeStage } from "./stage_rows";

/** First free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}
