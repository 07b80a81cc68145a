// What a value holds, to tell whether a call has written to it. Nothing is read that could throw or run code.

/** A value as text: plain fields, lists and numbers, as deep as they go. */
export function snapshot(value: unknown, seen: Set<unknown> = new Set(), depth = 0): string {
  if (typeof value !== "object" || value === null) {
    return typeof value === "symbol" ? "symbol" : `${typeof value} ${String(value)}`;
  }
  if (seen.has(value) || depth > 12) return "seen";
  seen.add(value);
  try {
    if (ArrayBuffer.isView(value)) return viewOf(value);
    if (value === globalThis || value instanceof Promise) return "other";
    const fields = Object.getOwnPropertyDescriptors(value) as Record<string, PropertyDescriptor>;
    const parts = Object.entries(fields).map(([name, field]) =>
      "value" in field ? `${name}: ${snapshot(field.value, seen, depth + 1)}` : `${name}: a getter`
    );
    return `{${parts.join(", ")}}`;
  } catch {
    return "unreadable";
  }
}

function viewOf(view: ArrayBufferView): string {
  if (view.buffer.byteLength === 0) return "empty";
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return `${Object.prototype.toString.call(view)} ${bytes.length < 4096 ? bytes.join(" ") : bytes.length}`;
}
