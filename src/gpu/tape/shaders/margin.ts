/**
 * The margin pass: softmax over the competitors of each example's true class, one workgroup an example.
 *
 * For the true class y: peak = max_{k≠y} f_k, sum = Σ_{k≠y} e^{f_k − peak}, and the signal e_y − q with
 * q_k = e^{f_k − peak}/sum. What follows of these scalars is computed in float64 on the CPU.
 *
 * @module
 */

import { declarations, GROUP, IS_FINITE, type Shader } from "../../device/shader.ts";

/** Reduces one number of each invocation over the workgroup, by an expression of `x` and `y`. */
export const reduction = (name: string, combine: string): string => /* wgsl */ `
fn ${name}(local: u32, value: f32) -> f32 {
  workgroupBarrier();
  shared_[local] = value;
  workgroupBarrier();
  for (var half = ${GROUP / 2}u; half > 0u; half /= 2u) {
    if (local < half) {
      let x = shared_[local];
      let y = shared_[local + half];
      shared_[local] = ${combine};
    }
    workgroupBarrier();
  }
  return shared_[0];
}`;

/** Memory of the reductions. */
export const SHARED = `var<workgroup> shared_: array<f32, ${GROUP}>;`;

/** An entry point with one workgroup a row. */
export const ROWS = /* wgsl */ `
@compute @workgroup_size(${GROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;
`;

const STATS = /* wgsl */ `
  let at = row * p.classes;
  let y = labels[row];
  let own = logits[at + y];
  var top = -3.4028234e38;
  var before = 0.0;
  var faults = 0.0;
  for (var k = local; k < p.classes; k += ${GROUP}u) {
    let f = logits[at + k];
    if (!isFinite(f)) { faults = 1.0; }
    if (k != y) {
      top = max(top, f);
      if (f > own || (f == own && k < y)) { before += 1.0; }
    }
  }
  let peak = maximum(local, top);
  let rank = total(local, before);
  let faulty = total(local, faults);
  var sum = 0.0;
  for (var k = local; k < p.classes; k += ${GROUP}u) {
    if (k != y) { sum += exponential(logits[at + k] - peak); }
  }
  let norm = total(local, sum);
  if (local == 0u) { stats[row] = vec4<f32>(own, peak, norm, select(rank, -1.0, faulty > 0.0)); }
`;

const SIGNAL = /* wgsl */ `
  for (var k = local; k < p.classes; k += ${GROUP}u) {
    signal[at + k] = select(-exponential(logits[at + k] - peak) / norm, 1.0, k == y);
  }
`;

function margins(name: string, buffers: Readonly<Record<string, string>>, rest: string): Shader {
  const source = [
    declarations(["classes: u32"], {
      logits: "read array<f32>",
      labels: "read array<u32>",
      stats: "read_write array<vec4<f32>>",
      ...buffers,
    }),
    IS_FINITE,
    SHARED,
    reduction("maximum", "max(x, y)"),
    reduction("total", "x + y"),
    // Zero below 1e-12 of the largest: subnormal numbers stay out of the products.
    "fn exponential(x: f32) -> f32 { return select(0.0, exp(x), x >= -27.631021); }",
    ROWS,
    STATS,
    rest,
    "}",
  ].join("\n");
  return { name, source };
}

/** Writes (true logit, peak, sum, rank) of each example; rank −1 where a logit is not finite. */
export const marginStats: Shader = margins("margin stats", {}, "");

/** Writes the same, and the signals e_y − q. */
export const marginSignals: Shader = margins("margin signals", { signal: "read_write array<f32>" }, SIGNAL);
