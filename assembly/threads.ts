// The exports of the kernel for several threads beside those of index.ts: its instances share one memory.

export { useScratch } from "./gemm_transposed";
