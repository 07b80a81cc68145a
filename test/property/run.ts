// Attacks for as long as asked: node tools/run.mjs test/property/run.ts [--minutes 10] [--seed 1] [--only name]

import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { attackAll, stepHash } from "./rounds.ts";

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const minutes = Number(option("minutes") ?? 1),
  seed = Number(option("seed") ?? Date.now() % 2 ** 31),
  only = option("only");
process.on("unhandledRejection", (cause) => {
  console.error("unhandled rejection", cause);
  process.exitCode = 1;
});
console.log(`seed ${seed}, ${minutes} minutes; a sound step is ${stepHash()}`);
// A call that never ends is the last one noted.
const last = openSync("node_modules/.cache/fgn/property_last.txt", "w");
const note = (name: string, seed: number): void => void writeSync(last, `${name} ${seed}`.padEnd(80) + "\n", 0);
const { calls, faults, mostBytes } = await attackAll(
  seed,
  minutes * 60_000,
  only === undefined ? undefined : [only],
  note,
);
const counts = new Map<string, readonly string[]>();
for (const { name, kind, text } of faults) {
  const key = `${kind} ${name}${kind === "throws" ? text.replace(/^.*seed \d+:/s, "") : ""}`;
  counts.set(key, [...counts.get(key) ?? [], text]);
}
for (const [key, texts] of [...counts].sort(([a], [b]) => a < b ? -1 : 1)) {
  console.log(`${texts.length} × ${key}\n    ${texts[0]}`);
}
console.log(`${calls} calls, ${faults.length} faults, ${mostBytes / 2 ** 20} MiB of kernel memory at most`);
process.exit(faults.length > 0 ? 1 : 0);
