/**
 * Eigenvalues of a symmetric matrix, by + − × ÷ and √ alone: the same bytes in every runtime.
 *
 * @module
 */

/** Unit roundoff of the deflation test: 2⁻⁵². */
const EPSILON = Number.EPSILON;
/** Entries below this, of a matrix whose largest is 1, are zero: their squares would lose digits. */
const NEGLIGIBLE = 1e-140;
/** Sweeps for one eigenvalue; two or three are the rule. */
const SWEEPS = 60;

/** A symmetric tridiagonal matrix: n entries on the diagonal, n − 1 below it, then a zero. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly below: Float64Array;
}

/** The lower triangle of an n × n matrix divided by its largest entry, and that entry. */
function scaleToOne(n: number, matrix: Float64Array): { readonly a: Float64Array; readonly unit: number } {
  const a = matrix.slice();
  let unit = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) unit = Math.max(unit, Math.abs(a[i * n + j] as number));
  }
  if (unit > 0) { for (let k = 0; k < n * n; k++) a[k] = (a[k] as number) / unit; }
  return { a, unit };
}

/** p ← A v for the leading m × m block of a lower triangle of rows of length n. */
function multiply(n: number, m: number, a: Float64Array, v: Float64Array, p: Float64Array): void {
  p.fill(0, 0, m);
  for (let i = 0; i < m; i++) {
    const row = i * n, vi = v[i] as number;
    let sum = (a[row + i] as number) * vi;
    for (let j = 0; j < i; j++) {
      const entry = a[row + j] as number;
      sum += entry * (v[j] as number);
      p[j] = (p[j] as number) + entry * vi;
    }
    p[i] = (p[i] as number) + sum;
  }
}

/** A ← A − v wᵀ − w vᵀ, the same block. */
function update(n: number, m: number, a: Float64Array, v: Float64Array, w: Float64Array): void {
  for (let i = 0; i < m; i++) {
    const row = i * n, vi = v[i] as number, wi = w[i] as number;
    for (let j = 0; j <= i; j++) {
      a[row + j] = (a[row + j] as number) - vi * (w[j] as number) - wi * (v[j] as number);
    }
  }
}

/**
 * Householder tridiagonalisation, the last row first: with v = x ± ‖x‖ e of row m's entries x left of the
 * diagonal and β = 2/vᵀv, A ← (I − βvvᵀ) A (I − βvvᵀ) = A − v wᵀ − w vᵀ, w = βAv − ½β²(vᵀAv) v.
 */
function tridiagonalise(n: number, a: Float64Array): Tridiagonal {
  const diagonal = new Float64Array(n), below = new Float64Array(n), w = new Float64Array(n);
  for (let m = n - 1; m > 0; m--) {
    const v = a.subarray(m * n, m * n + m);
    let square = 0;
    for (let j = 0; j < m; j++) square += (v[j] as number) * (v[j] as number);
    if (square < NEGLIGIBLE * NEGLIGIBLE) continue;
    const last = v[m - 1] as number, norm = last > 0 ? Math.sqrt(square) : -Math.sqrt(square);
    below[m - 1] = -norm;
    v[m - 1] = last + norm;
    const beta = 1 / (square + last * norm); // 2/vᵀv
    multiply(n, m, a, v, w);
    let inner = 0;
    for (let j = 0; j < m; j++) inner += (w[j] as number) * (v[j] as number);
    for (let j = 0; j < m; j++) w[j] = beta * ((w[j] as number) - beta / 2 * inner * (v[j] as number));
    update(n, m, a, v, w);
  }
  for (let i = 0; i < n; i++) diagonal[i] = a[i * n + i] as number;
  return { diagonal, below };
}

/** The end of the unreduced block that starts at `from`. */
function findBlockEnd({ diagonal: d, below: e }: Tridiagonal, from: number): number {
  let m = from;
  while (m < d.length - 1) {
    const size = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number);
    if (Math.abs(e[m] as number) <= EPSILON * size + NEGLIGIBLE) break;
    m++;
  }
  return m;
}

/** One implicit QL sweep with Wilkinson's shift over the block [from, to]: a rotation chased from its end. */
function sweep({ diagonal: d, below: e }: Tridiagonal, from: number, to: number): void {
  const first = d[from] as number, link = e[from] as number;
  const half = ((d[from + 1] as number) - first) / (2 * link);
  const root = Math.sqrt(half * half + 1);
  const shift = first - link / (half + (half < 0 ? -root : root));
  let g = (d[to] as number) - shift, s = 1, c = 1, p = 0;
  for (let i = to - 1; i >= from; i--) {
    const f = s * (e[i] as number), b = c * (e[i] as number);
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) { // the block falls apart here
      d[i + 1] = (d[i + 1] as number) - p;
      e[to] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = (d[i + 1] as number) - p;
    const t = ((d[i] as number) - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
  }
  d[from] = (d[from] as number) - p;
  e[from] = g;
  e[to] = 0;
}

/**
 * The n eigenvalues of a symmetric n × n matrix, row-major, descending; only its lower triangle is read. Householder
 * tridiagonalisation and implicit QL: about 4/3 n³ multiply-adds, errors of a few 1e-16 ‖A‖.
 *
 * Source: Bowdler, Martin, Reinsch and Wilkinson 1968; Golub and Van Loan, Matrix Computations, §8.3.
 * @internal
 */
export function symmetricEigenvalues(n: number, matrix: Float64Array): Float64Array {
  const { a, unit } = scaleToOne(n, matrix);
  const reduced = tridiagonalise(n, a);
  for (let from = 0; from < n; from++) {
    for (let sweeps = 0; sweeps < SWEEPS; sweeps++) {
      const to = findBlockEnd(reduced, from);
      if (to === from) break;
      sweep(reduced, from, to);
    }
  }
  return reduced.diagonal.map((value) => value * unit).sort().reverse();
}
