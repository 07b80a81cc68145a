/**
 * Resources that the commands of a device share: pipelines, and uniform buffers by their words.
 *
 * @module
 */

import type { Compiled, Resources } from "./encoder.ts";
import type { Shader } from "./shader.ts";
import type { Counts } from "./traffic.ts";

/** GPUBufferUsage.UNIFORM, which runtimes without WebGPU lack. */
const UNIFORM = 64;

/** Uniform buffers that are kept: one for each size of a problem that a shader meets. */
const KEPT = 4096;

/** Resources that can be made anew. */
export interface SharedResources extends Resources {
  /** Between operations: forgets uniform buffers if there are many. */
  readonly sweep: () => void;
  /** Forgets everything: something of it may be invalid. */
  readonly reset: () => void;
}

/** Makes resources on demand and keeps them. */
export function sharedResources(gpu: GPUDevice, counts: Counts): SharedResources {
  const pipelines = new Map<string, Compiled>(), uniforms = new Map<string, GPUBuffer>();
  const clearUniforms = (): void => {
    for (const buffer of uniforms.values()) {
      counts.buffers--;
      counts.bytes -= buffer.size;
      buffer.destroy();
    }
    uniforms.clear();
  };
  return {
    gpu,
    pipeline: ({ name, source }: Shader) => {
      const known = pipelines.get(name);
      if (known !== undefined) return known;
      const module = gpu.createShaderModule({ label: name, code: source });
      const compute = { module, entryPoint: "main" };
      const pipeline = gpu.createComputePipeline({ label: name, layout: "auto", compute });
      const compiled = { pipeline, layout: pipeline.getBindGroupLayout(0) };
      pipelines.set(name, compiled);
      return compiled;
    },
    uniform: (words) => {
      const key = words.join(), known = uniforms.get(key);
      if (known !== undefined) return known;
      const size = Math.ceil(4 * words.length / 16) * 16;
      const buffer = gpu.createBuffer({ size, usage: UNIFORM, mappedAtCreation: true });
      new Uint32Array(buffer.getMappedRange()).set(words);
      buffer.unmap();
      uniforms.set(key, buffer);
      counts.uploads++;
      counts.bytesUp += size;
      counts.buffers++;
      counts.bytes += size;
      return buffer;
    },
    write: (buffer, data) => {
      gpu.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      counts.uploads++;
      counts.bytesUp += data.byteLength;
    },
    sweep: () => {
      if (uniforms.size > KEPT) clearUniforms();
    },
    reset: () => {
      clearUniforms();
      pipelines.clear();
    },
  };
}
