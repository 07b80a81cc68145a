// Hashes of numbers, by what every runtime brings along.

/** An array of numbers, or bytes. */
export type Numbers = ArrayBufferView<ArrayBuffer>;

/** SHA-256 in hexadecimal digits. */
export async function sha256(...parts: readonly Numbers[]): Promise<string> {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
