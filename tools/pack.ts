import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * Packs a package into a folder, as `npm publish` would, and gives the path of the tarball. Without a source it is this
 * one, which is built first.
 */
export function pack(folder: string, source = "."): string {
  // Another package is packed as it is installed here: what it would be built of is not there.
  const scripts = source === "." ? [] : ["--ignore-scripts"];
  const output = execFileSync("npm", ["pack", "--json", ...scripts, "--pack-destination", folder, source], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const filename = /"filename": "([^"]+)"/.exec(output)?.[1];
  if (filename === undefined) throw new Error(`npm pack said nothing of a file:\n${output}`);
  return join(folder, filename);
}
