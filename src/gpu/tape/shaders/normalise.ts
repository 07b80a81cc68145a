/**
 * Layer normalisation over the features of each example, one workgroup an example.
 *
 * @module
 */

import { declarations, GROUP, type Shader } from "../../device/shader.ts";
import { reduction, ROWS, SHARED } from "./margin.ts";

const READ = "read array<f32>", WRITE = "read_write array<f32>";
const each = (body: string): string => `for (var k = local; k < p.features; k += ${GROUP}u) { ${body} }`;

/**
 * out = gain∘x̂ + shift with x̂ = (x − mean)·inverse, inverse = 1/√(variance + epsilon). The mean of the centred values is
 * what the rounded mean lacks.
 */
export const normalise: Shader = {
  name: "normalise",
  source: [
    declarations(["features: u32", "epsilon: f32"], {
      x: READ,
      gain: READ,
      shift: READ,
      out: WRITE,
      normalised: WRITE,
      inverse: WRITE,
    }),
    SHARED,
    reduction("total", "x + y"),
    ROWS,
    /* wgsl */ `
  let at = row * p.features;
  let count = f32(p.features);
  var sum = 0.0;
  ${each("sum += x[at + k];")}
  let mean = total(local, sum) / count;
  sum = 0.0;
  ${each("sum += x[at + k] - mean;")}
  let rest = total(local, sum) / count;
  sum = 0.0;
  ${each("let c = (x[at + k] - mean) - rest; sum += c * c;")}
  let scale = 1.0 / sqrt(total(local, sum) / count + p.epsilon);
  if (local == 0u) { inverse[row] = scale; }
  ${
      each(
        "let v = ((x[at + k] - mean) - rest) * scale; normalised[at + k] = v; out[at + k] = fma(gain[k], v, shift[k]);",
      )
    }
}`,
  ].join("\n"),
};

/** The adjoint: out += inverse∘(c − mean c − x̂ mean(c∘x̂)) with c = gain∘signal. */
export const normaliseBackward: Shader = {
  name: "normalise backward",
  source: [
    declarations(["features: u32"], { gain: READ, normalised: READ, inverse: READ, signal: READ, out: WRITE }),
    SHARED,
    reduction("total", "x + y"),
    ROWS,
    /* wgsl */ `
  let at = row * p.features;
  let count = f32(p.features);
  var sum = 0.0;
  var products = 0.0;
  ${each("let c = gain[k] * signal[at + k]; sum += c; products = fma(c, normalised[at + k], products);")}
  let mean = total(local, sum) / count;
  let slope = total(local, products) / count;
  let scale = inverse[row];
  ${each("out[at + k] += scale * ((gain[k] * signal[at + k] - mean) - normalised[at + k] * slope);")}
}`,
  ].join("\n"),
};
