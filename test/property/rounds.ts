// Rounds of attacks on every function, and the soundness of the kernel after each.

import { createHash } from "node:crypto";
import { fgnStep, getOrThrow as right, parameters } from "../../mod.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { attack, type Fault } from "./attack.ts";
import { RECIPES } from "./recipes.ts";
import { data, deep } from "./values.ts";

/** SHA-256 of a step's parameters, its beginning: the same in every runtime, whatever was called before. */
export const SOUND = "51137d93451a9e85";

/** The hash of that step, taken now. */
export function stepHash(): string {
  const { params } = right(fgnStep(deep(), data(1), 0.1, { l2: 0.01, l2Biases: true }));
  return createHash("sha256").update(new Uint8Array(parameters(params).buffer)).digest("hex").slice(0, SOUND.length);
}

/** Bytes of the default kernel's memory. */
const kernelBytes = (): number => right(defaultKernel()).exports.memory.buffer.byteLength;

/** What rounds of attacks found. */
export interface Findings {
  readonly calls: number;
  readonly faults: readonly Fault[];
  /** Most bytes of the default kernel's memory after a call. */
  readonly mostBytes: number;
}

/** Attacks every function in rounds until the time is over. */
export async function attackAll(
  seed: number,
  milliseconds: number,
  names: readonly string[] = Object.keys(RECIPES),
  note: (name: string, seed: number) => void = () => {},
): Promise<Findings> {
  const faults: Fault[] = [], end = performance.now() + milliseconds;
  let calls = 0, mostBytes = 0;
  for (let round = 0; performance.now() < end; round++) {
    for (const name of names) {
      if (round % (RECIPES[name]?.every ?? 1) !== 0) continue;
      if (performance.now() > end) break;
      note(name, seed + calls);
      const fault = await attack(name, seed + calls++);
      if (fault !== undefined) faults.push(fault);
      mostBytes = Math.max(mostBytes, kernelBytes());
      const hash = stepHash();
      if (hash !== SOUND) {
        faults.push({
          name,
          kind: "kernel",
          text: `${name}, seed ${seed + calls - 1}: a step afterwards has hash ${hash}`,
        });
      }
    }
  }
  return { calls, faults, mostBytes };
}
