/**
 * Commands for the device: dispatches, clears and copies in order, given over in one submit.
 *
 * @module
 */

import type { Shader } from "./shader.ts";
import type { Range } from "./view.ts";

/** A shader compiled for a device. */
export interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Objects of a device that its encoders share. */
export interface Resources {
  readonly gpu: GPUDevice;
  readonly pipeline: (shader: Shader) => Compiled;
  /** A uniform buffer with these words. */
  readonly uniform: (words: readonly number[]) => GPUBuffer;
  /** Writes to a buffer before the commands run. */
  readonly write: (buffer: GPUBuffer, data: Float32Array | Uint32Array) => void;
}

/** A list of commands that is taken down. */
export interface Encoder {
  /** Runs a shader over `x` × `y` workgroups; `words` are its uniform, `bindings` its buffers in order. */
  readonly dispatch: (
    shader: Shader,
    words: readonly number[],
    bindings: readonly Range[],
    x: number,
    y?: number,
  ) => void;
  readonly clear: (range: Range) => void;
  readonly copy: (from: Range, to: GPUBuffer, offset: number) => void;
  readonly write: Resources["write"];
  /** Ends the list and gives its commands; to be called once. */
  readonly finish: () => GPUCommandBuffer;
}

/** Starts taking commands down. */
export function startEncoder({ gpu, pipeline, uniform, write }: Resources): Encoder {
  const commands = gpu.createCommandEncoder();
  let pass: GPUComputePassEncoder | null = null;
  const outside = (): GPUCommandEncoder => {
    pass?.end();
    pass = null;
    return commands;
  };
  return {
    dispatch: (shader, words, bindings, x, y = 1) => {
      const compiled = pipeline(shader);
      const resources: GPUBufferBinding[] = [{ buffer: uniform(words) }, ...bindings];
      const group = gpu.createBindGroup({
        layout: compiled.layout,
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      pass ??= commands.beginComputePass();
      pass.setPipeline(compiled.pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y);
    },
    clear: ({ buffer, offset, size }) => outside().clearBuffer(buffer, offset, size),
    copy: ({ buffer, offset, size }, to, at) => outside().copyBufferToBuffer(buffer, offset, to, at, size),
    write,
    finish: () => outside().finish(),
  };
}
