// What 128-bit float32 arithmetic can do at most on this machine and engine: chains of products and of sums that do not
// depend on each other and stay in registers. Efficiencies in bench/speed are shares of it. Not part of the package.
//
// The operand comes from memory: an inline constant is made anew at every use (measured: half the speed in V8). Which
// number of chains is the fastest depends on the engine; the peak is the better one.

const ONE: usize = memory.data<f32>([1]);

/** Flops of one turn of `peak6`: 12 chains, two links each, four lanes. */
export const FLOPS6: i32 = 96;

/** Six chains of products and six of sums. */
export function peak6(turns: i32): f32 {
  const x = v128.load32_splat(ONE);
  let p0 = x, p1 = x, p2 = x, p3 = x, p4 = x, p5 = x, s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x;
  for (let i = 0; i < turns; i++) {
    p0 = f32x4.mul(p0, x);
    s0 = f32x4.add(s0, x);
    p1 = f32x4.mul(p1, x);
    s1 = f32x4.add(s1, x);
    p2 = f32x4.mul(p2, x);
    s2 = f32x4.add(s2, x);
    p3 = f32x4.mul(p3, x);
    s3 = f32x4.add(s3, x);
    p4 = f32x4.mul(p4, x);
    s4 = f32x4.add(s4, x);
    p5 = f32x4.mul(p5, x);
    s5 = f32x4.add(s5, x);
    p0 = f32x4.mul(p0, x);
    s0 = f32x4.add(s0, x);
    p1 = f32x4.mul(p1, x);
    s1 = f32x4.add(s1, x);
    p2 = f32x4.mul(p2, x);
    s2 = f32x4.add(s2, x);
    p3 = f32x4.mul(p3, x);
    s3 = f32x4.add(s3, x);
    p4 = f32x4.mul(p4, x);
    s4 = f32x4.add(s4, x);
    p5 = f32x4.mul(p5, x);
    s5 = f32x4.add(s5, x);
  }
  const p = f32x4.add(f32x4.add(f32x4.add(p0, p1), f32x4.add(p2, p3)), f32x4.add(p4, p5));
  const s = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(s4, s5));
  return f32x4.extract_lane(f32x4.add(p, s), 0);
}

/** Flops of one turn of `peak7`: 14 chains, two links each, four lanes. */
export const FLOPS7: i32 = 112;

/** Seven chains of products and seven of sums. */
export function peak7(turns: i32): f32 {
  const x = v128.load32_splat(ONE);
  let p0 = x, p1 = x, p2 = x, p3 = x, p4 = x, p5 = x, p6 = x;
  let s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x;
  for (let i = 0; i < turns; i++) {
    p0 = f32x4.mul(p0, x);
    s0 = f32x4.add(s0, x);
    p1 = f32x4.mul(p1, x);
    s1 = f32x4.add(s1, x);
    p2 = f32x4.mul(p2, x);
    s2 = f32x4.add(s2, x);
    p3 = f32x4.mul(p3, x);
    s3 = f32x4.add(s3, x);
    p4 = f32x4.mul(p4, x);
    s4 = f32x4.add(s4, x);
    p5 = f32x4.mul(p5, x);
    s5 = f32x4.add(s5, x);
    p6 = f32x4.mul(p6, x);
    s6 = f32x4.add(s6, x);
    p0 = f32x4.mul(p0, x);
    s0 = f32x4.add(s0, x);
    p1 = f32x4.mul(p1, x);
    s1 = f32x4.add(s1, x);
    p2 = f32x4.mul(p2, x);
    s2 = f32x4.add(s2, x);
    p3 = f32x4.mul(p3, x);
    s3 = f32x4.add(s3, x);
    p4 = f32x4.mul(p4, x);
    s4 = f32x4.add(s4, x);
    p5 = f32x4.mul(p5, x);
    s5 = f32x4.add(s5, x);
    p6 = f32x4.mul(p6, x);
    s6 = f32x4.add(s6, x);
  }
  const p = f32x4.add(f32x4.add(f32x4.add(p0, p1), f32x4.add(p2, p3)), f32x4.add(f32x4.add(p4, p5), p6));
  const s = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(f32x4.add(s4, s5), s6));
  return f32x4.extract_lane(f32x4.add(p, s), 0);
}
