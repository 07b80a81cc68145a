// `deno doc --lint` over the public entries. The types of fp-ts that our signatures use are re-exported; what
// the linter says of their own files in node_modules is not ours to mend.

import { spawnSync } from "node:child_process";
import process from "node:process";

const { stderr, error } = spawnSync("node_modules/.bin/deno", ["doc", "--lint", "mod.ts", "src/kernel/relaxed.ts"], {
  encoding: "utf8",
  env: { ...process.env, NO_COLOR: "1" },
});
if (error !== undefined) throw error;
const places = stderr.split("\n").filter((line) => line.trimStart().startsWith("-->"));
const ours = places.filter((line) => !line.includes("node_modules"));
if (ours.length > 0 || (places.length === 0 && stderr.includes("error"))) {
  console.error(stderr);
  process.exit(1);
}
console.log("public documentation: complete");
