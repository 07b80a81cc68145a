// A program that goes on counting from what the file named by its argument holds, and saves each count until it is
// killed. Says so after its first save.

import type { Either } from "fp-ts/lib/Either.js";
import process from "node:process";
import { fileStore } from "../../src/io/file_store.ts";
import { decodePlain, encodePlain } from "../../src/io/plain.ts";

function right<A>(either: Either<unknown, A>): A {
  if (either._tag === "Left") throw new Error(JSON.stringify(either.left));
  return either.right;
}

const store = fileStore(process.argv[2] as string);
const saved = right(await store.load());
let count = saved === null ? 0 : (right(decodePlain("count", 1, saved)) as { count: number }).count;
for (let first = true;; first = false) {
  count++;
  const state = { count, values: new Float32Array(2 ** 17).fill(count) };
  right(await store.save(right(encodePlain("count", 1, state))));
  if (first) console.log("saved");
}
