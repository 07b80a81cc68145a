/**
 * Products of matrices by tiles of 64 × 64 in shared memory, each invocation 4 × 4 of it in registers.
 *
 * @module
 */

import { declarations, IS_FINITE, type Shader, TILE } from "../../device/shader.ts";

/** Depth of the slices that the shared memory holds. */
const DEPTH = 16;

/** Shared memory for one slice of both operands, k-major. */
export const SLICES = /* wgsl */ `
const TILE = ${TILE}u;
const DEPTH = ${DEPTH}u;
var<workgroup> left: array<f32, ${TILE * DEPTH}>;
var<workgroup> right: array<f32, ${TILE * DEPTH}>;
`;

/**
 * Loads a slice into shared memory: `element` is the operand's entry in terms of `at` (its row or column), `k` and
 * within bounds `limit`; neighbouring invocations read along k where that is how it lies in memory, else along `at`.
 */
function load(to: string, from: string, limit: string, depth: string, alongK: boolean, element: string): string {
  const place = alongK ? ["index % DEPTH", "index / DEPTH"] : ["index / TILE", "index % TILE"];
  return /* wgsl */ `
    for (var index = local; index < TILE * DEPTH; index += 256u) {
      let slice = ${place[0]};
      let lane = ${place[1]};
      let k = start + slice;
      let at = ${from} + lane;
      var v = 0.0;
      if (k < ${depth} && at < ${limit}) { v = ${element}; }
      ${to}[slice * TILE + lane] = v;
    }`;
}

/** An operand of a product: how its entry (at, k) is read, and whether it lies along k. */
export interface Operand {
  readonly element: string;
  readonly alongK: boolean;
}

/**
 * Adds the product of two operands to the registers `${to}0` to `${to}3`, rows `row…` of `rows` by columns `column…` of
 * `columns`, over `depth`.
 */
export function accumulate(to: string, depth: string, a: Operand, b: Operand): string {
  return /* wgsl */ `
  for (var start = 0u; start < ${depth}; start += DEPTH) {
    ${load("left", "row", "p.m", depth, a.alongK, a.element)}
    ${load("right", "column", "p.n", depth, b.alongK, b.element)}
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let x = k * TILE + 4u * id.y;
      let y = k * TILE + 4u * id.x;
      let v = vec4<f32>(right[y], right[y + 1u], right[y + 2u], right[y + 3u]);
      ${to}0 = fma(vec4<f32>(left[x]), v, ${to}0);
      ${to}1 = fma(vec4<f32>(left[x + 1u]), v, ${to}1);
      ${to}2 = fma(vec4<f32>(left[x + 2u]), v, ${to}2);
      ${to}3 = fma(vec4<f32>(left[x + 3u]), v, ${to}3);
    }
    workgroupBarrier();
  }`;
}

/** Declares four rows of four registers. */
export const registers = (name: string): string =>
  [0, 1, 2, 3].map((r) => `var ${name}${r} = vec4<f32>(0.0);`).join(" ");

/** Visits the entries (i, j) of this invocation that lie within m × n; `body` reads `v`, made of `value` of each row. */
export const eachEntry = (value: (row: number) => string, body: string): string => /* wgsl */ `
  let values = array<vec4<f32>, 4>(${[0, 1, 2, 3].map(value).join(", ")});
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let i = row + 4u * id.y + r;
      let j = column + 4u * id.x + c;
      if (i < p.m && j < p.n) {
        let v = values[r][c];
        ${body}
      }
    }
  }`;

/** The head of an entry point over tiles. */
export const TILED = /* wgsl */ `
@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) id: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = group.y * TILE;
  let column = group.x * TILE;
`;

const FIELDS = [
  "m: u32",
  "n: u32",
  "k: u32",
  "lda: u32",
  "ldb: u32",
  "ldc: u32",
  "aFrom: u32", // first column of a
  "outFrom: u32", // first column of out
  "flag: u32",
];

function product(
  name: string,
  buffers: Readonly<Record<string, string>>,
  a: Operand,
  b: Operand,
  body: string,
): Shader {
  const source = [
    declarations(FIELDS, buffers),
    IS_FINITE,
    SLICES,
    TILED,
    registers("c"),
    accumulate("c", "p.k", a, b),
    eachEntry((r) => `c${r}`, `let to = i * p.ldc + p.outFrom + j; ${body}`),
    "}",
  ].join("\n");
  return { name, source };
}

const READ = "read array<f32>", WRITE = "read_write array<f32>";

/** out = a bᵀ (+ bias where flag is 1): the forward pass of a dense layer. */
export const forwardProduct: Shader = product(
  "forward product",
  { a: READ, b: READ, bias: READ, out: WRITE },
  { element: "a[at * p.lda + p.aFrom + k]", alongK: true },
  { element: "b[at * p.ldb + k]", alongK: true },
  "var sum = v; if (p.flag == 1u) { sum += bias[p.outFrom + j]; } out[to] = sum;",
);

/** out += a b: signals sent back through a dense layer. */
export const backwardProduct: Shader = product(
  "backward product",
  { a: READ, b: READ, out: WRITE },
  { element: "a[at * p.lda + p.aFrom + k]", alongK: true },
  { element: "b[k * p.ldb + at]", alongK: false },
  "out[to] += v;",
);

/**
 * out = base + aᵀ diag(scale) b, or out += … where flag is 1: the step of a weight from its signals and inputs. `fault`
 * becomes 1 where a result is not finite.
 */
export const updateProduct: Shader = product(
  "update product",
  { a: READ, b: READ, scale: READ, base: READ, out: WRITE, fault: "read_write atomic<u32>" },
  { element: "scale[k] * a[k * p.lda + p.aFrom + at]", alongK: false },
  { element: "b[k * p.ldb + at]", alongK: false },
  `var sum = v;
   if (p.flag == 1u) { sum += out[to]; } else { sum += base[to]; }
   out[to] = sum;
   if (!isFinite(sum)) { atomicOr(&fault, 1u); }`,
);
