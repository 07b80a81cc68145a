// The fixed reference of `npm run watch:speed`: the speed of our kernels is watched as a ratio to these loops, timed in the
// same run on the same machine. Frozen: never to be made faster, nor to share code with the kernels; its hash is in
// bench/watch/results.json, and a change of either is a new baseline. Not part of the package.

/** C += A·B in float32, row-major m × k and k × n; m a multiple of 4, n of 8. A plain tile of 4 rows × 8 columns. */
export function product(m: i32, k: i32, n: i32, a: usize, b: usize, c: usize): void {
  const aRow = <usize> k << 2, bRow = <usize> n << 2;
  for (let i = 0; i < m; i += 4) {
    for (let j = 0; j < n; j += 8) {
      let a0 = a + <usize> i * aRow, p = b + (<usize> j << 2);
      const to = c + <usize> i * bRow + (<usize> j << 2);
      let c00 = v128.load(to), c01 = v128.load(to, 16);
      let c10 = v128.load(to + bRow), c11 = v128.load(to + bRow, 16);
      let c20 = v128.load(to + 2 * bRow), c21 = v128.load(to + 2 * bRow, 16);
      let c30 = v128.load(to + 3 * bRow), c31 = v128.load(to + 3 * bRow, 16);
      for (let l = 0; l < k; l++) {
        const left = v128.load(p), right = v128.load(p, 16);
        const x = v128.load32_splat(a0), y = v128.load32_splat(a0 + aRow);
        c00 = f32x4.add(c00, f32x4.mul(x, left));
        c01 = f32x4.add(c01, f32x4.mul(x, right));
        c10 = f32x4.add(c10, f32x4.mul(y, left));
        c11 = f32x4.add(c11, f32x4.mul(y, right));
        const z = v128.load32_splat(a0 + 2 * aRow), w = v128.load32_splat(a0 + 3 * aRow);
        c20 = f32x4.add(c20, f32x4.mul(z, left));
        c21 = f32x4.add(c21, f32x4.mul(z, right));
        c30 = f32x4.add(c30, f32x4.mul(w, left));
        c31 = f32x4.add(c31, f32x4.mul(w, right));
        a0 += 4;
        p += bRow;
      }
      v128.store(to, c00);
      v128.store(to, c01, 16);
      v128.store(to + bRow, c10);
      v128.store(to + bRow, c11, 16);
      v128.store(to + 2 * bRow, c20);
      v128.store(to + 2 * bRow, c21, 16);
      v128.store(to + 3 * bRow, c30);
      v128.store(to + 3 * bRow, c31, 16);
    }
  }
}

/** The dot products of all pairs of n rows of k doubles, k even. */
export function pairs(n: i32, k: i32, x: usize, out: usize): void {
  const row = <usize> k << 3;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let p = x + <usize> i * row, q = x + <usize> j * row;
      const end = p + row;
      let sum = f64x2.splat(0);
      while (p < end) {
        sum = f64x2.add(sum, f64x2.mul(v128.load(p), v128.load(q)));
        p += 16;
        q += 16;
      }
      store<f64>(out, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
      out += 8;
    }
  }
}

/** (1 + x/256)^256, near eˣ, of n floats, n a multiple of 4: no memory to speak of, a chain of operations a vector. */
export function exponentials(n: i32, x: usize, out: usize): void {
  for (let i = 0; i < n; i += 4) {
    let v = f32x4.add(f32x4.splat(1), f32x4.mul(v128.load(x), f32x4.splat(1 / 256)));
    for (let square = 0; square < 8; square++) v = f32x4.mul(v, v);
    v128.store(out, v);
    x += 16;
    out += 16;
  }
}

/** First free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}
