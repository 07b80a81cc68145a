// The README's example, as a user would copy it, and what else an installed package is tried with.

import { readFileSync } from "node:fs";

/** The code of the example. Its names need no types: it is JavaScript, too. */
export function example(): string {
  const code = /```ts\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8"))?.[1];
  if (code === undefined) throw new Error("the README has no example");
  return code;
}

/** What is printed, without what runtimes print lists by in ways of their own. */
const bare = (line: string): string => line.replace(/[\s'"]/g, "");

/** Fails unless the example prints what its lines say. */
export function checkOutput(output: string): void {
  const said = Array.from(example().matchAll(/console\.log\(.*\); \/\/ (.+)/g), ([, line = ""]) => bare(line));
  if (said.length === 0) throw new Error("the README's example does not say what it prints");
  const printed = output.trim().split("\n").map(bare);
  if (printed.join("\n") !== said.join("\n")) throw new Error(`not ${said.join(" ")}, but:\n${output}`);
}

/** Fails unless a page's text is 6 × 3 probabilities, each row summing to 1 and largest at its label. */
export function checkProbabilities(text: string): void {
  const numbers = text.match(/\d\.\d+(e-\d+)?/g)?.map(Number) ?? [];
  if (numbers.length !== 18) throw new Error(`no 18 probabilities in:\n${text}`);
  [0, 0, 1, 1, 2, 2].forEach((label, i) => {
    const row = numbers.slice(3 * i, 3 * i + 3), sum = row.reduce((a, b) => a + b);
    if (row.indexOf(Math.max(...row)) !== label || Math.abs(sum - 1) > 1e-6) {
      throw new Error(`row ${i} is ${row.join(" ")}, of class ${label}`);
    }
  });
}

/** A run of an epoch, and one of two that goes on from its file: each prints its last step and the epochs that it did. */
export const CHECKPOINT = `
import { batch, fit, matrix, zeroHead } from "fgn";
import { fileStore } from "fgn/file";

const features = matrix(4, 2, [1, 0, 0, 1, 1, 0.1, 0.1, 1]).right;
const data = batch({ features, labels: [0, 1, 0, 1] }).right;
const head = zeroHead({ features: 2, classes: 2 }).right;
for (const epochs of [1, 2]) {
  const checkpoint = { store: fileStore("runs/latest.safetensors") };
  const trained = await fit(head, data, { epochs, batchSize: 2, checkpoint })();
  console.log(trained._tag === "Right" ? \`\${trained.right.steps} \${trained.right.history.length}\` : trained.left.message);
}
`;

/** Fails unless each run did one epoch of two steps. */
export function checkResumed(output: string): void {
  if (output.trim() !== "2 1\n4 1") throw new Error(`steps and epochs of the runs:\n${output}`);
}
