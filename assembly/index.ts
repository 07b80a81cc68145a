// The kernel's exports. All arguments are plain numbers and byte addresses; nothing is allocated here and
// nothing is imported. Memory from heapBase() on belongs to the caller.

export { fillPanels, packRows, packTransposed, unpackTransposed } from "./pack";
export { product, productPanels } from "./gemm";
export { gramPanel, mirror, whiten } from "./gram";
export { competitors, margins, ranks } from "./margin";
export { vexp, vlog } from "./exp";
export { cholesky, choleskySolve, conjugateGradient, dot64, iterations, multiply64 } from "./solve";
export { addRowSums, allFinite, axpy, coefficients, dot, norm, scale, scaleColumns } from "./blas1";

/** First free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}
