/**
 * Classifiers as ONNX files, alone or at the end of an encoder.
 *
 * @module
 */

export { type OnnxOptions, toOnnx } from "./to_onnx.ts";
export { appendToEncoder, type EncoderOptions } from "./append_to_encoder.ts";
export type { Pooling } from "./pooling.ts";
export { type PipelineConfig, pipelineConfig } from "./pipeline_config.ts";
