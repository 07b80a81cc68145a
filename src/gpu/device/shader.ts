/**
 * Compute shaders: every one has a name, its source in WGSL, and a block of 32-bit words as its uniform.
 *
 * Matrices are row-major float32, one example a row. Group 0 holds the uniform at binding 0 and the storage buffers
 * from binding 1 on. Shaders name their entry point `main`.
 *
 * @module
 */

/** A compute shader. */
export interface Shader {
  /** Names it in the cache of pipelines. */
  readonly name: string;
  readonly source: string;
}

/** Invocations of a workgroup that works through a flat array or a row. */
export const GROUP = 256;

/** Rows and columns of the tile that a workgroup of 16 × 16 invocations computes. */
export const TILE = 64;

/** Declares the uniform `p` with fields such as "m: u32", and the buffers in order, such as "a: read array<f32>". */
export function declarations(fields: readonly string[], buffers: Readonly<Record<string, string>>): string {
  const stored = Object.entries(buffers).map(([name, kind], index) => {
    const [access, ...type] = kind.split(" ");
    return `@group(0) @binding(${index + 1}) var<storage, ${access}> ${name}: ${type.join(" ")};`;
  });
  return [
    `struct Sizes { ${fields.join(", ")} }`,
    "@group(0) @binding(0) var<uniform> p: Sizes;",
    ...stored,
  ].join("\n");
}

/** `isFinite(v)` by the bits: WGSL lets an implementation assume that there is neither NaN nor infinity. */
export const IS_FINITE = /* wgsl */ `
fn isFinite(v: f32) -> bool { return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u; }
`;

/** The bits of a float32, to be passed in a word of the uniform. */
export function bits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] as number;
}
