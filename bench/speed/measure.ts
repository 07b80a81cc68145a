// A case: contenders timed in turns, together with the peak of the machine.

import process from "node:process";
import { loadModule } from "../support/assembly.ts";
import { type Contender, race } from "../support/race.ts";

/** Milliseconds of one contender in one case. */
export const MILLISECONDS = Number(process.env["FGN_BENCH_MS"] ?? 150);

const COURSE = { milliseconds: MILLISECONDS, rounds: 5, fewest: 2 };

/** What came out of one case. */
export interface Case {
  readonly what: string;
  /** Flops of ours; 0: not counted. */
  readonly flops: number;
  /** The peak of the same rounds, in GF/s. */
  readonly peak: number;
  /** Best times by contender, in milliseconds. */
  readonly times: Readonly<Record<string, number>>;
  /** Why a contender has no time. */
  readonly missing?: Readonly<Record<string, string>>;
  /** What else is known, for the table. */
  readonly note?: string;
}

interface PeakExports {
  readonly FLOPS12: WebAssembly.Global;
  readonly FLOPS13: WebAssembly.Global;
  peak12(turns: number): number;
  peak13(turns: number): number;
}

/** Turns of a call of the peak: about a tenth of a millisecond. */
const TURNS = 30_000;

let peakModule: PeakExports | undefined;

/** Times contenders in turns, together with the peak. */
export async function measure(
  what: string,
  flops: number,
  contenders: readonly Contender[],
  missing: Readonly<Record<string, string>> = {},
): Promise<Case> {
  const module = peakModule ??= loadModule<PeakExports>("peak").exports;
  const peaks = [
    { name: "peak12", flops: module.FLOPS12.value * TURNS, run: () => module.peak12(TURNS) },
    { name: "peak13", flops: module.FLOPS13.value * TURNS, run: () => module.peak13(TURNS) },
  ];
  const best = await race([...peaks, ...contenders], COURSE);
  const peak = Math.max(...peaks.map(({ name, flops }) => flops / (best[name] ?? NaN) / 1e6));
  const times = Object.fromEntries(contenders.map(({ name }) => [name, best[name] ?? NaN]));
  const shown = Object.entries(times).map(([name, ms]) => `${name} ${ms.toPrecision(3)}`).join(", ");
  console.log(`${what}: ${shown} ms; peak ${peak.toFixed(1)} GF/s`);
  return { what, flops, peak, times, ...(Object.keys(missing).length > 0 ? { missing } : {}) };
}

/** The share of the peak that a contender reaches. */
export const efficiency = ({ flops, peak, times }: Case, name: string): number =>
  flops / (peak * 1e6 * (times[name] ?? NaN));
