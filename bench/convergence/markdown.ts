// Markdown as the formatter leaves it: padded tables, and parts of a file between marks.

/** A table; the first column is text, the others are centred on nothing. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(3, title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** The text with what lies between the marks of a name replaced. */
export function replacePart(text: string, name: string, content: string): string {
  const open = `<!-- ${name} -->`, close = `<!-- /${name} -->`;
  const from = text.indexOf(open), to = text.indexOf(close);
  if (from < 0 || to < from) throw new Error(`the text has no part ${open} … ${close}`);
  return `${text.slice(0, from + open.length)}\n\n${content}\n\n${text.slice(to)}`;
}
