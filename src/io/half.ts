/**
 * 16-bit floating point to float32, exactly.
 *
 * @module
 */

/**
 * Float32 values of IEEE 754 half-precision bits (F16); every one is exact, subnormals and NaN included.
 * @internal
 */
export function widenHalf(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) {
    const half = halves[i] as number;
    const sign = (half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 0x3ff;
    if (exponent > 0) {
      // Exponents are biased by 127 in place of 15; the largest stands for infinities and NaN in both.
      bits[i] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
    } else if (fraction === 0) bits[i] = sign;
    else {
      // A subnormal: its leading one becomes the implicit one.
      const shift = Math.clz32(fraction) - 21;
      bits[i] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    }
  }
  return new Float32Array(bits.buffer);
}

/**
 * Float32 values of bfloat16 bits (BF16): the upper halves of float32.
 * @internal
 */
export function widenBrain(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}
