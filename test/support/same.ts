// Equality to the bit.

/** Whether two values are the same to the bit: kinds, fields (undefined ones too), −0, the bits of typed arrays. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const [x, y] = [a, b].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return x?.length === y?.length && (x?.every((byte, i) => byte === y?.[i]) ?? false);
  }
  const keys = Object.keys(a), get = (value: object, key: string) => Object.getOwnPropertyDescriptor(value, key)?.value;
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(get(a, key), get(b, key)));
}
