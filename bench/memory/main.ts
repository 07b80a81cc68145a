// WebAssembly memory of one step, a fresh kernel a shape, and what it is made of, beside the estimate 8BD + 4BC + 16B² +
// 4CD of a linear head (for networks D counts all widths before the classes, and 4P stands for 4CD). Prints a Markdown
// table and the largest batch for 65,536 classes × 256 features in 128 MiB, and writes bench/memory/results.json.
//
//   npm run bench:memory

import { writeFileSync } from "node:fs";
import {
  type Batch,
  type Damping,
  fgnStep,
  fit,
  getOrThrow,
  levenbergMarquardt,
  mlp,
  type Network,
  relative,
} from "../../mod.ts";
import { releaseKernel, type StepOptions, zeroHead } from "../../mod.ts";
import { CLASS_LIMITS } from "../../src/kernel/class_limits.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { openPlan } from "../../src/step/open.ts";
import { plan } from "../../src/step/plan.ts";
import { up4 } from "../../src/tape/tape.ts";
import type { Workspace } from "../../src/tape/workspace.ts";
import { table } from "../support/markdown.ts";
import { problem } from "../../test/support/reference.ts";

const MIB = 2 ** 20, MOST = 128 * MIB;

/** Bytes of the kernel's memory after something it is fresh for. */
function memoryOf(run: () => void): number {
  releaseKernel();
  run();
  return getOrThrow(defaultKernel()).exports.memory.buffer.byteLength;
}

/** A batch of any labels, without the head that `problem` makes of as many classes. */
const examples = (B: number, D: number, C: number): Batch => {
  const { data } = problem(B, D, 2);
  return { ...data, labels: Uint32Array.from({ length: B }, (_, i) => (i * 7919) % C) };
};

/** The workspace that a step opens. */
function opened(model: Network, data: Batch, damping: Damping, options: StepOptions): Workspace {
  const planned = getOrThrow(plan(model, data, damping, options, { _tag: "fgn" }, null));
  return getOrThrow(openPlan(model, planned.batch, planned, options)).session.ws;
}

/** Bytes of parameter vectors, of the panels of the slots, and of B × B matrices. */
function split({ tape, vectors, stride }: Workspace): { parameters: number; panels: number; gram: number } {
  const n = up4(tape.rows), block = 4 * n * CLASS_LIMITS.block;
  let panels = 0;
  for (const slot of tape.slots) {
    const places = new Set([slot.value, slot.trial, slot.signal, slot.tangent].filter((at) => at !== 0)).size;
    const bytes = 4 * n * slot.width;
    if (slot !== tape.logits || tape.blocks === null) panels += places * bytes;
    else panels += (bytes <= CLASS_LIMITS.whole ? bytes : block) + block;
  }
  const kept = tape.blocks === null ? tape.ops.filter(({ rowPart }) => rowPart?.moves).length : 0;
  return {
    parameters: 4 * tape.length * (1 + vectors.length),
    panels,
    gram: 4 * n * n * (3 + kept) + 2 * 8 * n * stride,
  };
}

const WAYS = {
  "loss after": { damping: relative(1), options: {} },
  "no loss after": { damping: relative(1), options: { lossAfter: false } },
  "Levenberg–Marquardt": { damping: levenbergMarquardt(), options: {} },
} as const;

type Way = keyof typeof WAYS;

interface Row {
  readonly what: string;
  readonly way: string;
  readonly bytes: number;
  readonly parameters?: number;
  readonly panels?: number;
  readonly gram?: number;
  readonly estimate: number;
}

const estimateOf = (B: number, widths: readonly number[], C: number, P: number): number =>
  8 * B * widths.reduce((sum, width) => sum + width, 0) + 4 * B * C + 16 * B * B + 4 * P;

function measure(what: string, B: number, widths: readonly number[], C: number, ways: readonly Way[]): Row[] {
  const [inputs = 0, ...hidden] = widths;
  const model = hidden.length === 0
    ? getOrThrow(zeroHead({ features: inputs, classes: C }))
    : getOrThrow(mlp({ inputs, hidden, classes: C }));
  const data = examples(B, inputs, C);
  const P = [...widths, C].slice(1).reduce((sum, width, i) => sum + width * (1 + (widths[i] as number)), 0);
  return ways.map((way) => {
    const { damping, options } = WAYS[way], system: StepOptions = { ...options, system: "gram" };
    const bytes = memoryOf(() => getOrThrow(fgnStep(model, data, damping, system)));
    return { what, way, bytes, ...split(opened(model, data, damping, system)), estimate: estimateOf(B, widths, C, P) };
  });
}

/** The largest batch of 65,536 classes × 256 features whose step opens in 128 MiB. */
function largest(way: Way): number {
  const model = getOrThrow(zeroHead({ features: 256, classes: 65_536 }));
  const { damping, options } = WAYS[way];
  const fits = (B: number): boolean =>
    memoryOf(() => opened(model, examples(B, 256, 65_536), damping, { ...options, system: "gram" })) <= MOST;
  let low = 128, high = 2048;
  while (high - low > 4) {
    const middle = Math.floor((low + high) / 8) * 4;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** A run of one step by `robust()`, the default of `fit`. */
async function robustRow(B: number, D: number, C: number): Promise<Row> {
  const model = getOrThrow(zeroHead({ features: D, classes: C })), data = examples(B, D, C);
  releaseKernel();
  getOrThrow(await fit(model, data, { epochs: 1, batchSize: B })());
  const bytes = getOrThrow(defaultKernel()).exports.memory.buffer.byteLength;
  return { what: `${B}×${D}×${C}`, way: "robust()", bytes, estimate: estimateOf(B, [D], C, C * (D + 1)) };
}

const BOTH = ["loss after", "no loss after"] as const, ALL = [...BOTH, "Levenberg–Marquardt"] as const;

const HEADS: readonly (readonly [B: number, D: number, C: number, ways: readonly Way[]])[] = [
  [32, 384, 10, BOTH],
  [128, 384, 1000, BOTH],
  [256, 768, 1000, BOTH],
  [128, 768, 10_000, ALL],
  [32, 256, 65_536, BOTH],
  [128, 256, 65_536, ALL],
  [512, 256, 65_536, ["loss after"]],
];

const rows = [
  ...HEADS.flatMap(([B, D, C, ways]) => measure(`${B}×${D}×${C}`, B, [D], C, ways)),
  ...measure("128×784×256×10", 128, [784, 256], 10, ALL),
  ...measure("128×1024×1024×1000", 128, [1024, 1024], 1000, ALL),
  await robustRow(128, 256, 65_536),
];
const batches = { "loss after": largest("loss after"), "Levenberg–Marquardt": largest("Levenberg–Marquardt") };

const mib = (bytes: number | undefined): string =>
  bytes === undefined ? "" : (bytes / MIB).toFixed(bytes < MIB ? 2 : 1);
const lines = rows.map(({ what, way, bytes, parameters, panels, gram, estimate }) => {
  const rest = parameters === undefined ? undefined : bytes - parameters - (panels ?? 0) - (gram ?? 0);
  return [what, way, ...[bytes, parameters, panels, gram, rest, estimate].map(mib)];
});
console.log(table(["B×D×C", "step", "MiB", "parameters", "panels", "B×B", "rest", "estimate"], lines, "numbers"));
console.log("\nlargest batch of 256 features and 65,536 classes in 128 MiB:", batches);
writeFileSync("bench/memory/results.json", `${JSON.stringify({ rows, batches }, null, 2)}\n`);
