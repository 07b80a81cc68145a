/**
 * Hashes of plain data, to tell runs apart: not for security.
 *
 * @module
 */

/** FNV-1a over 32-bit words, two of them side by side with different starts. */
interface State {
  low: number;
  high: number;
}

function feed(state: State, word: number): void {
  state.low = Math.imul(state.low ^ word, 0x01000193);
  state.high = Math.imul(state.high ^ word, 0x01000193) ^ (state.high >>> 15);
}

function feedText(state: State, text: string): void {
  for (let i = 0; i < text.length; i++) feed(state, text.charCodeAt(i));
  feed(state, text.length);
}

/** Feeds an array in words where its elements are made of them, else in bytes: wherever in its buffer it lies. */
function feedWords(state: State, view: ArrayBufferView): void {
  const { buffer, byteOffset, byteLength } = view;
  const whole = "BYTES_PER_ELEMENT" in view && (view.BYTES_PER_ELEMENT as number) % 4 === 0;
  const words = whole
    ? new Uint32Array(buffer, byteOffset, byteLength / 4)
    : new Uint8Array(buffer, byteOffset, byteLength);
  for (let i = 0; i < words.length; i++) feed(state, words[i] as number);
  feed(state, byteLength);
}

/** The kind of a value: what looks alike otherwise, such as a list and an object with its indices for names. */
const kindOf = (value: unknown): string => {
  if (ArrayBuffer.isView(value)) return Object.prototype.toString.call(value);
  if (Array.isArray(value)) return "list";
  return value === null ? "null" : typeof value;
};

/** Feeds a value of plain data and its kind; functions count as such and no more. */
function feedValue(state: State, value: unknown): void {
  feedText(state, kindOf(value));
  if (ArrayBuffer.isView(value)) return feedWords(state, value);
  if (typeof value === "number") return feedWords(state, Float64Array.of(value));
  if (typeof value === "function") return;
  if (typeof value !== "object" || value === null) return feedText(state, String(value));
  for (const [name, inner] of Object.entries(value)) {
    feedText(state, name);
    feedValue(state, inner);
  }
  feed(state, 0x7d);
}

/** Sixteen hexadecimal digits of a value of plain data, its kinds included: numbers, text, arrays, typed arrays, objects. */
export function hashOf(value: unknown): string {
  const state: State = { low: 0x811c9dc5, high: 0x9747b28c };
  feedValue(state, value);
  return [state.high, state.low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
