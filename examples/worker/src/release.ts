// Memory that is given back at once: the collector is late for megabytes, of which an isolate has 128.

/** Empties bytes that nobody reads any more, and with them every other view of their memory. */
export function release({ buffer }: Uint8Array): void {
  const { transfer } = buffer as ArrayBuffer & { transfer?: (bytes: number) => ArrayBuffer };
  transfer?.call(buffer, 0);
}
