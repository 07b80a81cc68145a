// A program that goes on counting from what the file named by its argument holds, and saves each count until it is
// killed. Says so after its first save.

import process from "node:process";
import { getOrThrow } from "../../mod.ts";
import { fileStore } from "../../src/io/file_store.ts";
import { decodePlain, encodePlain } from "../../src/io/plain.ts";

const store = fileStore(process.argv[2] as string);
const saved = getOrThrow(await store.load());
let count = saved === null ? 0 : (getOrThrow(decodePlain("count", 1, saved)) as { count: number }).count;
for (let first = true;; first = false) {
  count++;
  const state = { count, values: new Float32Array(2 ** 17).fill(count) };
  getOrThrow(await store.save(getOrThrow(encodePlain("count", 1, state))));
  if (first) console.log("saved");
}
