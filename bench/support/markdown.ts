// Markdown as the formatter leaves it: padded tables, and parts of a file between marks.

/** Width on a page: combining marks (the bar of K̄) take none. */
const widthOf = (text: string): number => [...text.replace(/\p{M}/gu, "")].length;

/** A table. The first column is flush left; with "numbers" the others are flush right. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  others: "texts" | "numbers" = "texts",
): string {
  const widths = header.map((_, i) => Math.max(3, ...[header, ...rows].map((row) => widthOf(row[i] ?? ""))));
  const flushRight = (i: number): boolean => others === "numbers" && i > 0;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const padded = (row: readonly string[]): string =>
    line(widths.map((width, i) => {
      const text = row[i] ?? "", space = " ".repeat(width - widthOf(text));
      return flushRight(i) ? space + text : text + space;
    }));
  const rule = widths.map((width, i) => flushRight(i) ? `${"-".repeat(width - 1)}:` : "-".repeat(width));
  return [padded(header), line(rule), ...rows.map(padded)].join("\n");
}

/** A paragraph in lines as long as the page allows. */
export function paragraph(text: string, width = 120): string {
  return text.split(" ").reduce<string[]>((lines, word) => {
    const line = lines.at(-1);
    return line === undefined || widthOf(line) + 1 + widthOf(word) > width
      ? [...lines, word]
      : [...lines.slice(0, -1), `${line} ${word}`];
  }, []).join("\n");
}

const open = (name: string): string => `<!-- ${name} -->`, close = (name: string): string => `<!-- /${name} -->`;

/** The text with what lies between the marks of a name replaced. */
export function replacePart(text: string, name: string, content: string): string {
  const from = text.indexOf(open(name)), to = text.indexOf(close(name));
  if (from < 0 || to < from) throw new Error(`the text has no part ${open(name)} … ${close(name)}`);
  return `${text.slice(0, from + open(name).length)}\n\n${content}\n\n${text.slice(to)}`;
}

/** Names of the parts of a text, in order. */
export const partsOf = (text: string): string[] =>
  [...text.matchAll(/<!-- (\w+) -->/g)].flatMap(([, name = ""]) => text.includes(close(name)) ? [name] : []);
