// Where imports begin: what people run or import, found in package.json and by the names of files.

import { readFileSync } from "node:fs";
import { filesIn } from "../doc_pages.ts";

/** Sources of the entries of the package, by the declarations that it exports. */
function packageEntries(): string[] {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
    exports: Record<string, { types?: string }>;
  };
  return Object.values(exports).flatMap(({ types }) => {
    const path = types?.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts");
    return path === undefined || path === "kernel.ts" ? [] : [path];
  });
}

/** Files that scripts of package.json run. */
const scripts = (): string[] =>
  Array.from(readFileSync("package.json", "utf8").matchAll(/[\w./-]+\.ts\b/g), ([path]) => path)
    .filter((path) => !path.includes("config") && !path.startsWith("./dist") && !path.endsWith(".d.ts"));

/** All of them, each once. */
export const entries = (): string[] => [
  ...new Set([
    ...packageEntries(),
    ...scripts(),
    ...filesIn("bench", "main.ts"),
    ...filesIn("examples", ".ts").filter((path) => !path.endsWith(".d.ts") && !path.endsWith("config.ts")),
    ...filesIn("test", ".ts"),
    ...filesIn("tools", ".ts"),
  ]),
];
