// Solvers for (S + λI) u = r in float64: S symmetric positive semidefinite, n × n, row-major with `ld`
// doubles a row. Callers choose an even ld, not a multiple of 64 (aligned rows collide in the cache,
// docs/speed.md), at least n + 7: the columns from n on are read, never used.

function sum2(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** xᵀy over n doubles. */
export function dot64(n: i32, x: usize, y: usize): f64 {
  let a = f64x2.splat(0), b = a;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    a = f64x2.add(a, f64x2.mul(v128.load(x), v128.load(y)));
    b = f64x2.add(b, f64x2.mul(v128.load(x, 16), v128.load(y, 16)));
    x += 32;
    y += 32;
  }
  let total = sum2(f64x2.add(a, b));
  for (; i < n; i++) {
    total += load<f64>(x) * load<f64>(y);
    x += 8;
    y += 8;
  }
  return total;
}

/** y = S x: two rows at a time, which share the loads of x. */
export function multiply64(n: i32, s: usize, ld: i32, x: usize, y: usize): void {
  const row = <usize> ld << 3;
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    pairProduct(n, s, s + row, x, y);
    s += 2 * row;
    y += 16;
  }
  if (i < n) store<f64>(y, dot64(n, s, x));
}

/** The products of two rows of n doubles with x; summed as dot64 does. */
function pairProduct(n: i32, s0: usize, s1: usize, x: usize, y: usize): void {
  let a = f64x2.splat(0), b = a, c = a, d = a;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const low = v128.load(x), high = v128.load(x, 16);
    a = f64x2.add(a, f64x2.mul(v128.load(s0), low));
    b = f64x2.add(b, f64x2.mul(v128.load(s0, 16), high));
    c = f64x2.add(c, f64x2.mul(v128.load(s1), low));
    d = f64x2.add(d, f64x2.mul(v128.load(s1, 16), high));
    s0 += 32;
    s1 += 32;
    x += 32;
  }
  let first = sum2(f64x2.add(a, b)), second = sum2(f64x2.add(c, d));
  for (; i < n; i++) {
    first += load<f64>(s0) * load<f64>(x);
    second += load<f64>(s1) * load<f64>(x);
    s0 += 8;
    s1 += 8;
    x += 8;
  }
  store<f64>(y, first);
  store<f64>(y, second, 8);
}

/** The sign with which a tile takes its products in: signed, they are subtracted; unsigned, they are added. */
export type Minus = i32;
export type Plus = u32;

function take<Sign>(p: v128, product: v128): v128 {
  return isSigned<Sign>() ? f64x2.sub(p, product) : f64x2.add(p, product);
}

/**
 * Two rows × 8 columns of F: what lies at s0, s1 minus (or plus) Σ_k a_k·b_k over k rows of F, `aRow` bytes apart; a at the two
 * rows' own columns, b at the eight, which may be those of another matrix, whose rows are `bRow` bytes apart.
 */
export function tile2x8<Sign>(
  k: i32,
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  s0: usize,
  s1: usize,
  f0: usize,
  f1: usize,
): void {
  const end = a + <usize> k * aRow;
  let p0 = v128.load(s0), p1 = v128.load(s0, 16), p2 = v128.load(s0, 32), p3 = v128.load(s0, 48);
  let q0 = v128.load(s1), q1 = v128.load(s1, 16), q2 = v128.load(s1, 32), q3 = v128.load(s1, 48);
  while (a < end) {
    const x = v128.load64_splat(a), y = v128.load64_splat(a, 8);
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    p0 = take<Sign>(p0, f64x2.mul(x, b0));
    p1 = take<Sign>(p1, f64x2.mul(x, b1));
    p2 = take<Sign>(p2, f64x2.mul(x, b2));
    p3 = take<Sign>(p3, f64x2.mul(x, b3));
    q0 = take<Sign>(q0, f64x2.mul(y, b0));
    q1 = take<Sign>(q1, f64x2.mul(y, b1));
    q2 = take<Sign>(q2, f64x2.mul(y, b2));
    q3 = take<Sign>(q3, f64x2.mul(y, b3));
    a += aRow;
    b += bRow;
  }
  v128.store(f0, p0);
  v128.store(f0, p1, 16);
  v128.store(f0, p2, 32);
  v128.store(f0, p3, 48);
  v128.store(f1, q0);
  v128.store(f1, q1, 16);
  v128.store(f1, q2, 32);
  v128.store(f1, q3, 48);
}

/** Divides the first of two rows by its pivot's root, takes it out of the second and divides that, too: n doubles. */
function finishPair(n: i32, f0: usize, f1: usize, i0: f64, below: f64, i1: f64): void {
  const x = f64x2.splat(i0), y = f64x2.splat(below), z = f64x2.splat(i1);
  for (let i = 0; i < n; i += 2) {
    const first = f64x2.mul(x, v128.load(f0));
    v128.store(f0, first);
    v128.store(f1, f64x2.mul(z, f64x2.sub(v128.load(f1), f64x2.mul(y, first))));
    f0 += 16;
    f1 += 16;
  }
}

/**
 * Cholesky factor F of S + λI = FᵀF: upper triangle of `f` (same layout; both hold n rounded up to even rows; what
 * lies below the diagonal is scratch). Left-looking, two rows at a time over tiles of eight columns, so that nothing is summed
 * across lanes (docs/speed.md). Returns n, or the index of the first pivot that is not positive.
 */
export function cholesky(n: i32, s: usize, f: usize, ld: i32, lambda: f64): i32 {
  const row = <usize> ld << 3;
  for (let i = 0; i < n; i += 2) {
    const at = <usize> i << 3;
    const f0 = f + <usize> i * row, s0 = s + <usize> i * row;
    const f1 = f0 + row;
    for (let j = i & -8; j < n; j += 8) {
      const column = <usize> j << 3;
      tile2x8<Minus>(i, f + at, row, f + column, row, s0 + column, s0 + row + column, f0 + column, f1 + column);
    }
    const pivot = load<f64>(f0 + at) + lambda;
    if (!(pivot > 0)) return i;
    const d0 = Math.sqrt(pivot);
    if (i + 1 == n) {
      store<f64>(f0 + at, d0);
      break;
    }
    const below = load<f64>(f0 + at, 8) / d0;
    const next = load<f64>(f1 + at, 8) + lambda - below * below;
    if (!(next > 0)) return i + 1;
    const d1 = Math.sqrt(next);
    finishPair(n - i, f0 + at, f1 + at, 1 / d0, below, 1 / d1);
    store<f64>(f0 + at, d0);
    store<f64>(f1 + at, d1, 8);
  }
  return n;
}

/** x −= a·f0 + b·f1 over n doubles. */
function subtractPair(n: i32, a: f64, b: f64, f0: usize, f1: usize, x: usize): void {
  const p = f64x2.splat(a), q = f64x2.splat(b);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    const sum = f64x2.add(f64x2.mul(p, v128.load(f0)), f64x2.mul(q, v128.load(f1)));
    v128.store(x, f64x2.sub(v128.load(x), sum));
    f0 += 16;
    f1 += 16;
    x += 16;
  }
  if (i < n) store<f64>(x, load<f64>(x) - (a * load<f64>(f0) + b * load<f64>(f1)));
}

/** u = (FᵀF)⁻¹ r. */
export function choleskySolve(n: i32, f: usize, ld: i32, r: usize, u: usize): void {
  const row = <usize> ld << 3, even = n & -2;
  memory.copy(u, r, <usize> n << 3);
  for (let i = 0; i < even; i += 2) {
    const at = <usize> i << 3, f0 = f + <usize> i * row + at, f1 = f0 + row;
    const a = load<f64>(u + at) / load<f64>(f0);
    const b = (load<f64>(u + at, 8) - a * load<f64>(f0, 8)) / load<f64>(f1, 8);
    store<f64>(u + at, a);
    store<f64>(u + at, b, 8);
    subtractPair(n - i - 2, a, b, f0 + 16, f1 + 16, u + at + 16);
  }
  if (even < n) {
    const at = <usize> even << 3;
    const d = load<f64>(f + <usize> even * row + at);
    store<f64>(u + at, load<f64>(u + at) / d / d);
  }
  for (let i = even - 2; i >= 0; i -= 2) {
    const at = <usize> i << 3, f0 = f + <usize> i * row + at, f1 = f0 + row;
    const b = (load<f64>(u + at, 8) - dot64(n - i - 2, f1 + 16, u + at + 16)) / load<f64>(f1, 8);
    const a = load<f64>(u + at) - dot64(n - i - 2, f0 + 16, u + at + 16) - b * load<f64>(f0, 8);
    store<f64>(u + at, a / load<f64>(f0));
    store<f64>(u + at, b, 8);
  }
}

/** x0 /= d0, x1 = (x1 − below·x0)/d1 over n doubles. */
export function dividePair(n: i32, x0: usize, x1: usize, d0: f64, below: f64, d1: f64): void {
  const p = f64x2.splat(d0), q = f64x2.splat(below), r = f64x2.splat(d1);
  for (let i = 0; i < n; i += 2) {
    const first = f64x2.div(v128.load(x0), p);
    v128.store(x0, first);
    v128.store(x1, f64x2.div(f64x2.sub(v128.load(x1), f64x2.mul(q, first)), r));
    x0 += 16;
    x1 += 16;
  }
}

/** n doubles as floats. */
function demote(n: i32, x: usize, out: usize): void {
  for (let i = 0; i < n; i += 2) {
    v128.store64_lane(out, f32x4.demote_f64x2_zero(v128.load(x)), 0);
    x += 16;
    out += 8;
  }
}

/**
 * x = scale·F⁻ᵀ for a Cholesky factor F as {@link cholesky} leaves it, a lower triangle, zero above; and the same in float32
 * at `out`, row-major with n₄ floats a row, zero in the padding (`out` may be 0: none). `x` is laid out like `f`. Rows by
 * pairs on the tiles of the factorization, each from the first row on in which its columns are not zero; what the row after
 * an odd last one gets is never used.
 */
export function triangularInverse(n: i32, f: usize, ld: i32, scale: f64, x: usize, out: usize): void {
  const row = <usize> ld << 3, width = (n + 3) & -4;
  if (out != 0) memory.fill(out, 0, (<usize> width * width) << 2);
  memory.fill(x, 0, <usize> ((n + 1) & -2) * row);
  for (let i = 0; i < n; i += 2) {
    const at = <usize> i << 3, f0 = f + <usize> i * row + at;
    const x0 = x + <usize> i * row, x1 = x0 + row;
    store<f64>(x0 + at, scale);
    store<f64>(x1 + at, scale, 8);
    for (let j = 0; j <= i; j += 8) {
      const from = <usize> j * row, column = <usize> j << 3;
      const p = x0 + column, q = x1 + column;
      tile2x8<Minus>(i - j, f + from + at, row, x + from + column, row, p, q, p, q);
    }
    dividePair(i + 2, x0, x1, load<f64>(f0), load<f64>(f0, 8), load<f64>(f0 + row, 8));
    if (out == 0) continue;
    for (let r = i; r < min(i + 2, n); r++) demote(i + 2, x + <usize> r * row, out + ((<usize> r * width) << 2));
  }
}
