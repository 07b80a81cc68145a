// What Deno's environment needs where a GPU is asked for.
//
// On Linux wgpu also looks for OpenGL, and Mesa's EGL 22.3 corrupts the heap as the thread that loaded it ends. `deno test`
// runs in such a thread: of processes that ran the documentation's GPU examples, 11 of 500 were aborted on their way out
// with OpenGL alone, 3 of 500 with both, and 0 of 1500 with Vulkan alone.

import process from "node:process";

/** The environment of Deno's WebGPU. */
export const DENO_GPU: Readonly<Record<string, string>> = process.platform === "linux"
  ? { DENO_WEBGPU_BACKEND: "vulkan" }
  : {};
