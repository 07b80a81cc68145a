// The gate, in steps that run alone.
//
//   npm run ok                        all steps of the gate
//   npm run ok -- rooms types         only these
//   npm run ok -- --but test          all but these
//   npm run ok -- --list              what there is

import process from "node:process";
import { nearest } from "./gate/nearest.ts";
import { type Step, STEPS } from "./gate/steps.ts";

/** The steps of a name; ends where there is none. */
function named(name: string): Step {
  const step = STEPS.find((one) => one.name === name);
  if (step !== undefined) return step;
  const guess = nearest(name, STEPS.map((one) => one.name));
  console.error(`there is no step ${name}; did you mean ${guess}? npm run ok -- --list lists all`);
  process.exit(2);
}

function list(): void {
  const width = Math.max(...STEPS.map(({ name }) => name.length));
  for (const { name, what, takes } of STEPS) console.log(`${name.padEnd(width)}  ${takes.padStart(6)}  ${what}`);
}

/** Runs a step and says how it went: a line, and what it printed where it failed or where that is what it is for. */
async function run({ name, check, shows, remedy }: Step): Promise<boolean> {
  const began = performance.now(), { good, said } = await check();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (!good || shows === true) console.log(`\n${said.trimEnd()}\n`);
  console.log(
    `${good ? "ok    " : "FAILED"}  ${name.padEnd(12)} ${seconds.padStart(6)} s${good ? "" : `   ${remedy}`}`,
  );
  return good;
}

const given = process.argv.slice(2), without = given.indexOf("--but");
if (given.includes("--list")) list();
else {
  const left = without < 0 ? [] : given.slice(without + 1).map(named);
  const asked = (without < 0 ? given : given.slice(0, without)).map(named);
  const steps = (asked.length > 0 ? asked : STEPS).filter((one) => !left.includes(one));
  const failed: string[] = [];
  for (const step of steps) if (!await run(step)) failed.push(step.name);
  if (failed.length > 0) {
    console.log(`\nfailed: ${failed.join(", ")}; again: npm run ok -- ${failed.join(" ")}`);
    process.exitCode = 1;
  }
}
