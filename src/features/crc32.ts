/**
 * CRC-32 (ISO-HDLC, as of zip files), by the library's own table: the same in every runtime.
 *
 * @module
 */

/** The remainders of the bytes by the reflected polynomial. */
const TABLE = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/**
 * The CRC-32 of what has the CRC-32 `before`, followed by bytes [from, to).
 * @internal
 */
export function crc32(bytes: Uint8Array, from: number, to: number, before: number): number {
  let crc = ~before;
  for (let at = from; at < to; at++) crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
