// Writes docs/options.md: which options of a step work where, as the table in src/step/options.ts has it.
//
//   npm run build:options               writes the page
//   npm run build:options -- --check    fails where the page is not up to date

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { optionTable, type Place } from "../src/step/options.ts";

const PAGE = "docs/options.md";

/** What the page calls a place. A place without a name does not compile. */
const NAMES: Readonly<Record<Place, string>> = {
  microBatch: "micro-batches",
  device: "WebGPU",
  ggnStep: "`ggnStep`",
  refine: "`refine`",
  ownModel: "own model",
  matrixFree: "matrix-free",
  remainder: "soft targets",
  twoStage: "`twoStage`",
  warmStart: "`warmStart`",
};

const INTRODUCTION = `# Options of a step, and where they work

Every option works in \`fgnStep\` on the CPU, with a network and by itself. This table says what else it goes along with.
A value that a place does not take is refused with an \`InvalidOption\` (on a device: \`Unsupported\`) that says what to
give instead; it is never ignored. The value that leaves an option out (\`undefined\`, 0, \`euclidean\`, \`auto\`) is taken
wherever the option is. \`robust()\` and \`online()\` step without the metric and the two-stage bound where those do not go
along.

- micro-batches: \`microBatch\` of an optimizer's update;
- WebGPU: \`fgnStep\` of a backend from \`fgn/gpu\` on a device ("not offered": the types leave the option out);
- \`ggnStep\`, \`refine\`: the full Gauss-Newton system, called for by itself or by the option \`refine\`;
- own model: one made by \`customModel\`;
- matrix-free: \`system: "matrixFree"\`;
- soft targets: also with \`labelSmoothing\` and \`l2\`;
- \`twoStage\`, \`warmStart\`: along with that option.
`;

/** A Markdown table, its columns as wide as their widest cell, as the formatter has it. */
function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(3, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

/** The text of docs/options.md. */
export function optionPage(): string {
  const places = Object.keys(NAMES) as Place[];
  const rows = Object.entries(optionTable()).map(([name, row]) => [`\`${name}\``, ...places.map((p) => row[p])]);
  const table = tableOf([["", ...places.map((place) => NAMES[place])], ...rows]);
  return `${INTRODUCTION}\n${table}\n\n\`npm run build:options\` writes this page from src/step/options.ts.\n`;
}

/** Whether docs/options.md says what the table says. */
export const optionPageIsCurrent = (): boolean => readFileSync(PAGE, "utf8") === optionPage();

if (process.argv[1]?.endsWith("option_table.ts")) {
  if (!process.argv.includes("--check")) writeFileSync(PAGE, optionPage());
  else if (!optionPageIsCurrent()) {
    console.error(`${PAGE} is not what the table says: npm run build:options`);
    process.exit(1);
  }
}
