// The best time of many calls, in rounds in which everything that will be compared takes its turn: a machine whose speed
// drifts, or that others use, too, is then the same for all. Of a long call, which others interrupt, the time of the processor
// counts where that is less than what the clock on the wall says.

import process from "node:process";

/** What is timed. */
export interface Contender {
  readonly name: string;
  readonly run: () => unknown;
  /** Runs before every call, outside its time. */
  readonly prepare?: (() => void) | undefined;
}

/** How long. */
export interface Course {
  /** Milliseconds of a contender in all rounds, on a machine that nobody else uses. */
  readonly milliseconds: number;
  readonly rounds: number;
  /** The fewest calls of a contender, however slow. */
  readonly fewest: number;
}

interface Clock extends Contender {
  readonly times: number[];
  spent: number;
}

/** Milliseconds from which a call may have been interrupted, however often it is repeated. */
const LONG = 1;

/** How many times its time a race lasts at most where others use the machine. */
const PATIENCE = 3;

/** Milliseconds of this process on the processors. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Whether that runs on in small steps here; where it ticks it says nothing of single calls. */
function isFine(): boolean {
  const start = processorTime();
  let first = start;
  while (first === start) first = processorTime();
  let second = first;
  while (second === first) second = processorTime();
  return second - first < LONG / 10;
}

const fine = [1, 2, 3].some(isFine);

async function time(clock: Clock): Promise<void> {
  clock.prepare?.();
  const before = processorTime(), began = performance.now(), result = clock.run();
  if (result instanceof Promise) await result;
  const took = performance.now() - began, own = fine ? Math.min(took, processorTime() - before) : took;
  clock.times.push(took > LONG ? own : took);
  clock.spent += Math.max(own, took / PATIENCE);
}

/**
 * The time that one call in a hundred stays below: of fewer calls the best one. Among thousands some are shorter than they can
 * be, for clocks jump (measured in Bun).
 */
const bestOf = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 100)] ?? NaN;

/** Best times by name, in milliseconds. */
export async function race(
  contenders: readonly Contender[],
  { milliseconds, rounds, fewest }: Course,
): Promise<Readonly<Record<string, number>>> {
  const clocks: Clock[] = contenders.map((contender) => ({ ...contender, times: [], spent: 0 }));
  for (let round = 1; round <= rounds; round++) {
    for (const clock of clocks) {
      while (clock.spent < milliseconds * round / rounds || clock.times.length < Math.min(round, fewest)) {
        await time(clock);
      }
    }
  }
  return Object.fromEntries(clocks.map(({ name, times }) => [name, bestOf(times)]));
}
