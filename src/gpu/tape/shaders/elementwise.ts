/**
 * Shaders over flat arrays, and sums over the examples.
 *
 * @module
 */

import { type ActivationKind, ACTIVATIONS } from "../../../network/activations.ts";
import { declarations, GROUP, IS_FINITE, type Shader } from "../../device/shader.ts";

/** An entry point with one invocation an element, over workgroups in one or two dimensions. */
const FLAT = /* wgsl */ `
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.y * groups.x * ${GROUP}u + id.x;
  if (i >= p.count) { return; }
`;

const READ = "read array<f32>", WRITE = "read_write array<f32>";

/** out += factor · x. */
export const addScaled: Shader = {
  name: "add scaled",
  source: [
    declarations(["count: u32", "factor: f32"], { x: READ, out: WRITE }),
    FLAT,
    "out[i] = fma(p.factor, x[i], out[i]); }",
  ].join("\n"),
};

/** out = x ∘ y. */
export const multiply: Shader = {
  name: "multiply",
  source: [declarations(["count: u32"], { x: READ, y: READ, out: WRITE }), FLAT, "out[i] = x[i] * y[i]; }"].join("\n"),
};

/**
 * out_c = base_c + Σ_i scale_i x_ic, or out_c += … where flag is 1: the step of a bias. `fault` becomes 1 where a result
 * is not finite.
 */
export const updateSums: Shader = {
  name: "update sums",
  source: [
    declarations(["count: u32", "rows: u32", "flag: u32"], {
      x: READ,
      scale: READ,
      base: READ,
      out: WRITE,
      fault: "read_write atomic<u32>",
    }),
    IS_FINITE,
    FLAT,
    /* wgsl */ `
  var sum = 0.0;
  for (var r = 0u; r < p.rows; r++) { sum = fma(scale[r], x[r * p.count + i], sum); }
  if (p.flag == 1u) { sum += out[i]; } else { sum += base[i]; }
  out[i] = sum;
  if (!isFinite(sum)) { atomicOr(&fault, 1u); }
}`,
  ].join("\n"),
};

/**
 * The activations and their derivatives, as in assembly/activation.ts: everything rests on one exponential of a negative
 * number, so nothing overflows, and derivatives are products, which lose no digits where a function saturates.
 * Polynomials of Cephes (tanhf, erff); e^{x²} erfc(x)/u in u = 1/(1 + x/2) within 4.3e-8.
 */
const FUNCTIONS = /* wgsl */ `
fn withSign(v: f32, x: f32) -> f32 { return select(v, -v, x < 0.0); }

fn tanhOf(x: f32, e: f32) -> f32 {
  let s = x * x;
  var q = fma(s, -5.70498872745e-3, 2.06390887954e-2);
  q = fma(s, q, -5.37397155531e-2);
  q = fma(s, q, 1.33314422036e-1);
  q = fma(s, q, -3.33332819422e-1);
  return select(withSign(1.0 - 2.0 * e / (1.0 + e), x), fma(s * q, x, x), abs(x) < 0.625);
}

fn erfSmall(x: f32) -> f32 {
  let s = x * x;
  var q = fma(s, 7.853861353153693e-5, -8.010193625184903e-4);
  q = fma(s, q, 5.188327685732524e-3);
  q = fma(s, q, -2.685381193529856e-2);
  q = fma(s, q, 1.128358514861418e-1);
  q = fma(s, q, -3.761262582423300e-1);
  return x * fma(s, q, 1.128379165726710);
}

fn erfcOf(x: f32, e: f32) -> f32 {
  let u = 1.0 / fma(x, 0.5, 1.0);
  var q = fma(u, -0.05906893472246785, 0.2845748575418903);
  q = fma(u, q, -0.4871997164112582);
  q = fma(u, q, 0.2780669926657761);
  q = fma(u, q, -0.026625578006198636);
  q = fma(u, q, 0.20268684334931059);
  q = fma(u, q, 0.24310376647825868);
  q = fma(u, q, 0.28237530836911134);
  q = fma(u, q, 0.28208641785544497);
  return e * (u * q);
}
`;

/** Leaky ReLU, and with slope 0 ReLU. */
const RECTIFIED = "return select(vec2<f32>(slope * x, slope), vec2<f32>(x, 1.0), x > 0.0);";

/** Lines that return f(x) and f'(x) of each activation, for x, its `slope`, `bounded` (x to ±128) and `low` (x from −128 on). */
const BODIES: Readonly<Record<ActivationKind, string>> = {
  relu: RECTIFIED,
  leakyRelu: RECTIFIED,
  tanh: /* wgsl */ `
      let e = exp(-2.0 * abs(bounded));
      let r = 1.0 / (1.0 + e);
      return vec2<f32>(tanhOf(x, e), 4.0 * e * r * r);`,
  sigmoid: /* wgsl */ `
      let e = exp(-abs(bounded));
      let r = 1.0 / (1.0 + e);
      return vec2<f32>(select(r, e * r, x < 0.0), e * r * r);`,
  gelu: /* wgsl */ `
      let w = bounded * 0.7071067811865475;
      let square = w * w;
      let e = select(0.0, exp(-square), square <= 80.0);
      let tail = 0.5 * erfcOf(abs(w), e);
      let outer = select(1.0 - tail, tail, x < 0.0);
      let phi = select(outer, fma(0.5, erfSmall(w), 0.5), abs(w) < 1.0);
      return vec2<f32>(low * phi, fma(bounded, 0.3989422804014327 * e, phi));`,
  silu: /* wgsl */ `
      let e = exp(-abs(bounded));
      let r = 1.0 / (1.0 + e);
      let s = select(r, e * r, x < 0.0);
      return vec2<f32>(low * s, fma(bounded, e * r * r, s));`,
};

/** f(x) and f'(x) of the activation with a number; there is no other. */
const ACTIVATE = [
  /* wgsl */ `
fn activate(kind: u32, slope: f32, x: f32) -> vec2<f32> {
  let bounded = clamp(x, -128.0, 128.0);
  let low = max(x, -128.0);
  switch (kind) {`,
  ...Object.entries(BODIES).map(([kind, body]) => `case ${ACTIVATIONS[kind as ActivationKind].number}u: { ${body} }`),
  "default: { return vec2<f32>(); } } }",
].join("\n");

/** out = f(z); `kind` is the number of the activation. */
export const activation: Shader = {
  name: "activation",
  source: [
    declarations(["count: u32", "kind: u32", "slope: f32"], { z: READ, out: WRITE }),
    FUNCTIONS,
    ACTIVATE,
    FLAT,
    "out[i] = activate(p.kind, p.slope, z[i]).x; }",
  ].join("\n"),
};

/** out += signal ∘ f'(z). */
export const activationBackward: Shader = {
  name: "activation backward",
  source: [
    declarations(["count: u32", "kind: u32", "slope: f32"], { z: READ, signal: READ, out: WRITE }),
    FUNCTIONS,
    ACTIVATE,
    FLAT,
    "out[i] = fma(signal[i], activate(p.kind, p.slope, z[i]).y, out[i]); }",
  ].join("\n"),
};
