// The two-stage system over the rows of a batch, in float64.
//
// With S = diag(h) K_x diag(h) + λI and U = I − λS⁻¹, what the system makes of the Gram matrix of a layer's inputs, and the
// matrix that its scaled signals are multiplied by, are
//     K_x − K_x diag(h) S⁻¹ diag(h) K_x = λ diag(h)⁻¹ U diag(h)⁻¹,      I − N = diag(h)⁻¹ (I − U) diag(h),
// N = K_x diag(h) S⁻¹ diag(h). Nothing large is subtracted from anything large: U is small where λ is large, I − U where it is
// small, and float64 has digits for both. Weights h must not be zero.

import { LANES, PANEL } from "./pack";
import { Minus, tile2x8 } from "./solve";

/**
 * U = I − XᵀX for a lower triangle X, n rows of `ld` doubles, zero above: the upper triangle at `u`, laid out like X. With
 * X = √λ F⁻ᵀ and FᵀF = S it is I − λS⁻¹.
 */
export function complement(n: i32, x: usize, ld: i32, u: usize): void {
  const row = <usize> ld << 3;
  for (let i = 0; i < n; i += 2) {
    const at = <usize> i << 3, u0 = u + <usize> i * row;
    memory.fill(u0, 0, 2 * row);
    store<f64>(u0 + at, 1);
    if (i + 1 < n) store<f64>(u0 + row + at, 1, 8);
    for (let j = i & -8; j < n; j += 8) {
      const first = max(i, j), from = <usize> first * row, column = <usize> j << 3;
      const p = u0 + column, q = p + row;
      tile2x8<Minus>(n - first, x + from + at, row, x + from + column, row, p, q, p, q);
    }
  }
}

/** inverse[i] = 1/h[i]. */
function invert(n: i32, h: usize, inverse: usize): void {
  for (let i: usize = 0; i < <usize> n << 3; i += 8) store<f64>(inverse + i, 1 / load<f64>(h + i));
}

/**
 * Two entries of a row from column j on, of u: those of the Gram matrix, given what lies in the hidden one's and the signals'
 * panels at `at`, and those of the matrix that mixes.
 */
function storePair(
  u: v128,
  left: f64,
  inverse: f64,
  h: usize,
  inverses: usize,
  at: usize,
  hidden: usize,
  signals: usize,
  gram: usize,
  mixing: usize,
): void {
  const part = f64x2.mul(f64x2.mul(u, f64x2.splat(left)), v128.load(inverses));
  const left32 = v128.load64_zero(hidden + at), right32 = v128.load64_zero(signals + at);
  const sum = f32x4.add(left32, f32x4.mul(f32x4.demote_f64x2_zero(part), right32));
  v128.store64_lane(gram + at, sum, 0);
  const mixed = f64x2.mul(f64x2.mul(u, f64x2.splat(-inverse)), v128.load(h));
  v128.store64_lane(mixing + at, f32x4.demote_f64x2_zero(mixed), 0);
}

/**
 * From the upper triangle U, n rows of `ld` doubles: gram = hidden + λ diag(h)⁻¹ U diag(h)⁻¹ ∘ signals, Gram matrices in n₄ × n
 * panels, upper part; and mixing = diag(h)⁻¹ (I − U) diag(h), all of it, zero in the padding. `work` holds n₄ doubles.
 */
export function writeStage(
  n: i32,
  u: usize,
  ld: i32,
  lambda: f64,
  h: usize,
  work: usize,
  hidden: usize,
  signals: usize,
  gram: usize,
  mixing: usize,
): void {
  const row = <usize> ld << 3, rows = (n + LANES - 1) & -LANES;
  memory.fill(mixing, 0, (<usize> rows * rows) << 2);
  invert(n, h, work);
  for (let first = 0; first < n; first += PANEL) {
    const columns = min(PANEL, n - first), step = <usize> min(PANEL, rows - first) << 2;
    const panel = (<usize> first * rows) << 2, even = columns & -2;
    const right = h + (<usize> first << 3), inverses = work + (<usize> first << 3);
    for (let i = 0; i < first + columns; i++) {
      const inverse = load<f64>(work + (<usize> i << 3)), left = lambda * inverse;
      const at = panel + <usize> i * step, from = u + <usize> i * row + (<usize> first << 3);
      for (let l = i < first ? 0 : (i - first) & -2; l < columns; l += 2) {
        const place = <usize> l << 3, here = at + (<usize> l << 2);
        if (l < even) {
          const pair = v128.load(from + place);
          storePair(pair, left, inverse, right + place, inverses + place, here, hidden, signals, gram, mixing);
        } else {
          const value = load<f64>(from + place), part = <f32> (value * left * load<f64>(inverses + place));
          store<f32>(gram + here, load<f32>(hidden + here) + part * load<f32>(signals + here));
          store<f32>(mixing + here, <f32> (value * -inverse * load<f64>(right + place)));
        }
      }
    }
    writeBelow(first, columns, n, u, row, h, work, mixing + panel, step);
  }
}

/** The columns of one panel of the mixing matrix on and below the diagonal, from the rows of U. */
function writeBelow(
  first: i32,
  columns: i32,
  n: i32,
  u: usize,
  row: usize,
  h: usize,
  inverses: usize,
  panel: usize,
  step: usize,
): void {
  for (let l = 0; l < columns; l++) {
    const j = first + l, weight = -load<f64>(h + (<usize> j << 3));
    const from = u + <usize> j * row;
    let to = panel + <usize> j * step + (<usize> l << 2);
    store<f32>(to, <f32> (1 - load<f64>(from + (<usize> j << 3))));
    for (let i = j + 1; i < n; i++) {
      to += step;
      const at = <usize> i << 3;
      store<f32>(to, <f32> (load<f64>(from + at) * weight * load<f64>(inverses + at)));
    }
  }
}
