// What the kernel for several threads exports beside index.ts: its instances share one memory.

export { useScratch } from "./gemm_transposed";
