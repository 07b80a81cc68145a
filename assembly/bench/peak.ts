// The peak of 128-bit float32 arithmetic on this machine and engine: chains s ← s·x + y that do not depend on each
// other and stay in registers. Efficiencies in bench/speed are shares of it. Not part of the package.
//
// x and y come from memory: an inline constant is made anew at every use in V8. Fewer chains
// than twelve wait for results, more than thirteen do not fit in the registers; the peak is the better of the two. Chains
// of products beside chains of sums reach as much at times, and less at others (docs/speed.md).

const CONSTANTS: usize = memory.data<f32>([1, 1]);

/** Flops of one turn of `peak12`: a product and a sum, four lanes, two links of 12 chains. */
export const FLOPS12: i32 = 192;

/** Twelve chains. */
export function peak12(turns: i32): f32 {
  const x = v128.load32_splat(CONSTANTS), y = v128.load32_splat(CONSTANTS, 4);
  let s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
  for (let i = 0; i < turns; i++) {
    s0 = f32x4.add(f32x4.mul(s0, x), y);
    s1 = f32x4.add(f32x4.mul(s1, x), y);
    s2 = f32x4.add(f32x4.mul(s2, x), y);
    s3 = f32x4.add(f32x4.mul(s3, x), y);
    s4 = f32x4.add(f32x4.mul(s4, x), y);
    s5 = f32x4.add(f32x4.mul(s5, x), y);
    s6 = f32x4.add(f32x4.mul(s6, x), y);
    s7 = f32x4.add(f32x4.mul(s7, x), y);
    s8 = f32x4.add(f32x4.mul(s8, x), y);
    s9 = f32x4.add(f32x4.mul(s9, x), y);
    s10 = f32x4.add(f32x4.mul(s10, x), y);
    s11 = f32x4.add(f32x4.mul(s11, x), y);
    s0 = f32x4.add(f32x4.mul(s0, x), y);
    s1 = f32x4.add(f32x4.mul(s1, x), y);
    s2 = f32x4.add(f32x4.mul(s2, x), y);
    s3 = f32x4.add(f32x4.mul(s3, x), y);
    s4 = f32x4.add(f32x4.mul(s4, x), y);
    s5 = f32x4.add(f32x4.mul(s5, x), y);
    s6 = f32x4.add(f32x4.mul(s6, x), y);
    s7 = f32x4.add(f32x4.mul(s7, x), y);
    s8 = f32x4.add(f32x4.mul(s8, x), y);
    s9 = f32x4.add(f32x4.mul(s9, x), y);
    s10 = f32x4.add(f32x4.mul(s10, x), y);
    s11 = f32x4.add(f32x4.mul(s11, x), y);
  }
  return f32x4.extract_lane(
    f32x4.add(
      f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7))),
      f32x4.add(f32x4.add(s8, s9), f32x4.add(s10, s11)),
    ),
    0,
  );
}

/** Flops of one turn of `peak13`: a product and a sum, four lanes, two links of 13 chains. */
export const FLOPS13: i32 = 208;

/** Thirteen chains. */
export function peak13(turns: i32): f32 {
  const x = v128.load32_splat(CONSTANTS), y = v128.load32_splat(CONSTANTS, 4);
  let s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x, s12 = x;
  for (let i = 0; i < turns; i++) {
    s0 = f32x4.add(f32x4.mul(s0, x), y);
    s1 = f32x4.add(f32x4.mul(s1, x), y);
    s2 = f32x4.add(f32x4.mul(s2, x), y);
    s3 = f32x4.add(f32x4.mul(s3, x), y);
    s4 = f32x4.add(f32x4.mul(s4, x), y);
    s5 = f32x4.add(f32x4.mul(s5, x), y);
    s6 = f32x4.add(f32x4.mul(s6, x), y);
    s7 = f32x4.add(f32x4.mul(s7, x), y);
    s8 = f32x4.add(f32x4.mul(s8, x), y);
    s9 = f32x4.add(f32x4.mul(s9, x), y);
    s10 = f32x4.add(f32x4.mul(s10, x), y);
    s11 = f32x4.add(f32x4.mul(s11, x), y);
    s12 = f32x4.add(f32x4.mul(s12, x), y);
    s0 = f32x4.add(f32x4.mul(s0, x), y);
    s1 = f32x4.add(f32x4.mul(s1, x), y);
    s2 = f32x4.add(f32x4.mul(s2, x), y);
    s3 = f32x4.add(f32x4.mul(s3, x), y);
    s4 = f32x4.add(f32x4.mul(s4, x), y);
    s5 = f32x4.add(f32x4.mul(s5, x), y);
    s6 = f32x4.add(f32x4.mul(s6, x), y);
    s7 = f32x4.add(f32x4.mul(s7, x), y);
    s8 = f32x4.add(f32x4.mul(s8, x), y);
    s9 = f32x4.add(f32x4.mul(s9, x), y);
    s10 = f32x4.add(f32x4.mul(s10, x), y);
    s11 = f32x4.add(f32x4.mul(s11, x), y);
    s12 = f32x4.add(f32x4.mul(s12, x), y);
  }
  return f32x4.extract_lane(
    f32x4.add(
      f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7))),
      f32x4.add(f32x4.add(f32x4.add(s8, s9), f32x4.add(s10, s11)), s12),
    ),
    0,
  );
}
