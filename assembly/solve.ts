// Solvers for (S + λI) u = r in float64: S symmetric positive semidefinite, n × n, row-major with `ld`
// doubles a row. Callers choose an even ld, not a multiple of 64 (measured: aligned rows collide in the
// cache and cost 1.5–3 times as much), and keep the columns from n to the next even number zero.

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

/** y = S x. */
export function multiply64(n: i32, s: usize, ld: i32, x: usize, y: usize): void {
  const row = <usize> ld << 3;
  for (let i = 0; i < n; i++) {
    store<f64>(y + (<usize> i << 3), dot64(n, s + <usize> i * row, x));
  }
}

/** Dot products over k doubles of two rows with two rows: [x0·y0, x0·y1] to `out`, [x1·y0, x1·y1] below. */
function dots2x2(k: i32, x0: usize, x1: usize, y0: usize, y1: usize, out: usize): void {
  const end = x0 + (<usize> k << 3);
  let a = f64x2.splat(0), b = a, c = a, d = a;
  while (x0 < end) {
    const p = v128.load(x0), q = v128.load(x1), r = v128.load(y0), s = v128.load(y1);
    a = f64x2.add(a, f64x2.mul(p, r));
    b = f64x2.add(b, f64x2.mul(p, s));
    c = f64x2.add(c, f64x2.mul(q, r));
    d = f64x2.add(d, f64x2.mul(q, s));
    x0 += 16;
    x1 += 16;
    y0 += 16;
    y1 += 16;
  }
  store<f64>(out, sum2(a));
  store<f64>(out, sum2(b), 8);
  store<f64>(out, sum2(c), 16);
  store<f64>(out, sum2(d), 24);
}

const SCRATCH: usize = memory.data(32, 16);

/**
 * Cholesky factor of S + λI: lower triangle of `l` (same layout, at least n rounded up to even rows).
 * Left-looking, two columns at a time. Returns n, or the index of the first pivot that is not positive.
 */
export function cholesky(n: i32, s: usize, l: usize, ld: i32, lambda: f64): i32 {
  const row = <usize> ld << 3;
  for (let j = 0; j < n; j += 2) {
    const l0 = l + <usize> j * row, l1 = l0 + row;
    const two = j + 1 < n;
    const at = <usize> j << 3;
    dots2x2(j, l0, two ? l1 : l0, l0, two ? l1 : l0, SCRATCH);
    const pivot = load<f64>(s + <usize> j * row + at) + lambda - load<f64>(SCRATCH);
    if (!(pivot > 0)) return j;
    const d0 = Math.sqrt(pivot);
    store<f64>(l0 + at, d0);
    store<f64>(l0 + at, 0, 8);
    if (!two) break;
    const below = (load<f64>(s + <usize> (j + 1) * row + at) - load<f64>(SCRATCH, 16)) / d0;
    const next = load<f64>(s + <usize> (j + 1) * row + at, 8) + lambda - load<f64>(SCRATCH, 24) - below * below;
    if (!(next > 0)) return j + 1;
    const d1 = Math.sqrt(next);
    store<f64>(l1 + at, below);
    store<f64>(l1 + at, d1, 8);
    const i0 = 1 / d0, i1 = 1 / d1;
    for (let i = j + 2; i < n; i += 2) {
      const x0 = l + <usize> i * row, x1 = i + 1 < n ? x0 + row : x0;
      dots2x2(j, x0, x1, l0, l1, SCRATCH);
      const a = (load<f64>(s + <usize> i * row + at) - load<f64>(SCRATCH)) * i0;
      const b = (load<f64>(s + <usize> i * row + at, 8) - load<f64>(SCRATCH, 8) - a * below) * i1;
      if (x1 != x0) {
        const c = (load<f64>(s + <usize> (i + 1) * row + at) - load<f64>(SCRATCH, 16)) * i0;
        const d = (load<f64>(s + <usize> (i + 1) * row + at, 8) - load<f64>(SCRATCH, 24) - c * below) * i1;
        store<f64>(x1 + at, c);
        store<f64>(x1 + at, d, 8);
      }
      store<f64>(x0 + at, a);
      store<f64>(x0 + at, b, 8);
    }
  }
  return n;
}

/** u = (L Lᵀ)⁻¹ r. */
export function choleskySolve(n: i32, l: usize, ld: i32, r: usize, u: usize): void {
  const row = <usize> ld << 3;
  for (let i = 0; i < n; i++) {
    const value = load<f64>(r + (<usize> i << 3)) - dot64(i, l + <usize> i * row, u);
    store<f64>(u + (<usize> i << 3), value / load<f64>(l + <usize> i * row + (<usize> i << 3)));
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = load<f64>(u + (<usize> i << 3)) / load<f64>(l + <usize> i * row + (<usize> i << 3));
    store<f64>(u + (<usize> i << 3), value);
    for (let j = 0; j < i; j++) {
      const at = u + (<usize> j << 3);
      store<f64>(at, load<f64>(at) - value * load<f64>(l + <usize> i * row + (<usize> j << 3)));
    }
  }
}
