// What Fast Gauss-Newton drops and what that costs: its step beside the full Gauss-Newton one, over competitor
// concentration, damping and number of classes, on synthetic heads and along the training of real ones.
//
//   npm run bench:paper               about seven minutes; writes results.json, plots and the tables of README.md beside this
//   npm run bench:paper -- --short    seconds; prints some of the tables and writes nothing

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { figures } from "./figures.ts";
import { measureAll, measureShort, resultsJson } from "./results.ts";
import { fill, tables } from "./tables.ts";

const FOLDER = "bench/paper";

const say = (done: string): void => console.error(`${Math.round(process.uptime())} s: ${done}`);

if (process.argv.includes("--short")) {
  for (const [name, table] of Object.entries(tables(measureShort(say)))) console.log(`${name}\n\n${table}\n`);
} else {
  const results = measureAll(say);
  writeFileSync(`${FOLDER}/results.json`, resultsJson(results));
  for (const { name, svg } of figures(results)) writeFileSync(`${FOLDER}/${name}.svg`, svg);
  const page = `${FOLDER}/README.md`;
  writeFileSync(page, fill(readFileSync(page, "utf8"), tables(results)));
  say(`wrote ${FOLDER}`);
}
