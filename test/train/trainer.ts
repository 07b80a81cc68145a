// A program that trains with checkpoints in the file named by its argument, and goes on from the one that is there. Says
// each step before it takes the next one, and at the end the digest of the parameters.

import { writeSync } from "node:fs";
import process from "node:process";
import { getOrThrow } from "../../mod.ts";
import { fileStore } from "../../src/io/file_store.ts";
import { EVERY, longRun } from "../support/long_run.ts";
import { digest } from "../support/training.ts";

const say = (line: string): number => writeSync(1, `${line}\n`);

for await (const record of longRun({ store: fileStore(process.argv[2] as string), every: EVERY })) {
  const told = getOrThrow(record);
  if (told._tag === "step") say(`step ${told.steps}`);
  if (told._tag === "done") say(`done ${digest(told.params)}`);
}
