// The kernel's exports. All arguments are plain numbers and byte addresses; nothing is allocated here and
// nothing is imported. Memory from heapBase() on belongs to the caller.

export { packRows, packTransposed, unpackTransposed, fillPanels } from "./pack";
export { product, productPanels } from "./gemm";
export { gramPanel, mirror, whiten } from "./gram";
export { competitors, margins, ranks } from "./margin";
export { vexp, vlog } from "./exp";
export { cholesky, choleskySolve, conjugateGradient, iterations, multiply64, dot64 } from "./solve";
export { dot, norm, axpy, scale, allFinite, coefficients, scaleColumns, addRowSums } from "./blas1";

/** First free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}
