// One run of `npm run watch:speed`: whether our kernels are as fast as they were. Each is timed in turns with fixed loops
// (assembly/bench/reference.ts) on the same machine; a ratio more than a quarter above that of bench/watch/results.json fails, once
// a longer race has said the same. Looks at itself, too: a product with 40 % more work must be told from the baseline, one
// with 5 % more must not.
//
//   --write   makes what is measured the baseline
//
// Ratios, not times, so that the baseline holds on other machines as far as kernels and reference depend alike on them.
// bench/watch/results.json says where it was taken; other kinds of processors have not been tried. Measured there from run to run,
// with two to five times as many programs running as cores: kernels within 5 %, steps, which also allocate and call from
// JavaScript, up to 30 % in a short race, which a longer one took back.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { compileModule } from "../support/assembly.ts";
import { type Course, race } from "../support/race.ts";
import { product, reference, type Watched, watched } from "./kernels.ts";
import { type Fault, faults, type Ratios } from "./verdict.ts";

const BASELINE = "bench/watch/results.json";

const SHORT: Course = { milliseconds: 400, rounds: 10, fewest: 10 };
const LONG: Course = { milliseconds: 1500, rounds: 30, fewest: 30 };

interface Baseline {
  /** Hash of the reference's code. */
  readonly reference: string;
  readonly runtime: string;
  readonly machine: string;
  readonly ratios: Ratios;
}

await compileModule("reference");
const { loops, hash } = reference();

/** Times over those of the reference. */
async function ratios(kernels: readonly Watched[], course: Course): Promise<Ratios> {
  const best = await race([...loops, ...kernels], course);
  return Object.fromEntries(kernels.map(({ name, by }) => [name, (best[name] ?? NaN) / (best[by] ?? NaN)]));
}

/** Faults that a longer race does not take back. */
async function confirmed(kernels: readonly Watched[], baseline: Ratios): Promise<readonly Fault[]> {
  const first = await ratios(kernels, SHORT);
  show(first, baseline);
  const suspects = faults(first, baseline).map(({ name }) => name);
  if (suspects.length === 0) return [];
  console.log(`once more, longer: ${suspects.join(", ")}`);
  return faults(await ratios(kernels.filter(({ name }) => suspects.includes(name)), LONG), baseline);
}

function show(measured: Ratios, baseline: Ratios): void {
  console.table(
    Object.entries(measured).map(([what, ratio]) => ({
      what,
      "of the reference": ratio.toFixed(3),
      baseline: baseline[what]?.toFixed(3) ?? "none",
      change: `${(100 * (ratio / (baseline[what] ?? NaN) - 1)).toFixed(0)} %`,
    })),
  );
}

/** Whether slower kernels are told from as good as equal ones here and now. */
async function seesSlowness(course: Course): Promise<boolean> {
  const [plain, little, much] = [0, 0.05, 0.4].map((again) =>
    `product 256×256×256, ${100 * (1 + again)} % of the work`
  );
  const kernels = [plain, little, much].map((name, i) =>
    product(name as string, 256, 256, 256, [0, 0.05, 0.4][i] as number)
  );
  const measured = await ratios(kernels, course), whole = measured[plain as string] as number;
  const told = faults(measured, { [plain as string]: whole, [little as string]: whole, [much as string]: whole });
  return told.length === 1 && told[0]?.name === much;
}

async function write(): Promise<void> {
  const baseline: Baseline = {
    reference: hash,
    runtime: `Node ${process.versions.node}`,
    machine: cpus()[0]?.model ?? "unknown",
    ratios: await ratios(watched(), LONG),
  };
  writeFileSync(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`);
  show(baseline.ratios, baseline.ratios);
}

async function watch(): Promise<readonly string[]> {
  const baseline = JSON.parse(readFileSync(BASELINE, "utf8")) as Baseline;
  if (baseline.reference !== hash) {
    return [
      `the reference compiles to other code (${hash}, ${baseline.reference} in ${BASELINE}): take a new baseline on a
commit whose speed is known, with npm run watch:speed -- --write`,
    ];
  }
  if (!await seesSlowness(SHORT) && !await seesSlowness(LONG)) {
    return ["a product with 40 % more work is not told from one without: this machine is too busy to watch speed on"];
  }
  return (await confirmed(watched(), baseline.ratios)).map(({ message }) => message);
}

if (process.argv.includes("--write")) await write();
else {
  const said = await watch();
  for (const message of said) console.error(message);
  if (said.length > 0) process.exitCode = 1;
  else console.log("as fast as the baseline");
}
