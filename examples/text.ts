/**
 * Tables and pictures made of characters.
 *
 * @module
 */

const SHADES = " ░▒▓█";

/** Lines of a table: the first row is its heading; the first column is flush left, the others flush right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join("  ")
  );
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [...lines.slice(0, 1), rule, ...lines.slice(1)];
}

/** A square grey image (0 to 1, row after row) as lines of shaded characters, two rows of pixels to a line. */
export function picture(pixels: Float32Array, side: number): string[] {
  const shade = (line: number, column: number): string => {
    const above = pixels[2 * line * side + column] ?? 0, below = pixels[(2 * line + 1) * side + column] ?? 0;
    return SHADES[Math.round(((above + below) / 2) * (SHADES.length - 1))] ?? " ";
  };
  return Array.from(
    { length: Math.floor(side / 2) },
    (_, line) => Array.from({ length: side }, (_, column) => shade(line, column)).join(""),
  );
}

/** Blocks of lines side by side, each `width` characters wide. */
export function sideBySide(blocks: readonly (readonly string[])[], width: number): string[] {
  const height = Math.max(...blocks.map((lines) => lines.length));
  return Array.from(
    { length: height },
    (_, i) => blocks.map((lines) => (lines[i] ?? "").padEnd(width)).join("  ").trimEnd(),
  );
}
