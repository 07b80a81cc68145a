/**
 * The natural logarithm.
 *
 * @module
 */

const bits = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8));

/**
 * ln x for x = 0 (−∞) and the normal numbers of float64, among which all positive float32 are. Of basic operations alone,
 * which give the same bytes in every runtime, as `Math.log` need not; the error is below one unit in the last place.
 *
 * x = 2ᵏ(1 + f) with 1 + f in [√½, √2); with s = f/(2 + f), ln(1 + f) = 2s + s³R(s²), R a polynomial (fdlibm's
 * `__ieee754_log`).
 * @internal
 */
export function logarithm(x: number): number {
  if (x === 0) return -Infinity;
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let k = (high >>> 20) - 1023, mantissa = bits.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    k++;
  }
  const f = mantissa - 1, half = 0.5 * f * f, s = f / (2 + f), z = s * s, w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd = z *
    (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  // ln 2 in two parts: k times the first is exact.
  return k * 0.6931471803691238 - (half - (s * (half + even + odd) + k * 1.9082149292705877e-10) - f);
}
