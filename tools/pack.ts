import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Builds the package and packs it into a folder, as `npm publish` would; gives the path of the tarball. */
export function pack(folder: string): string {
  const output = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const filename = /"filename": "([^"]+)"/.exec(output)?.[1];
  if (filename === undefined) throw new Error(`npm pack said nothing of a file:\n${output}`);
  return join(folder, filename);
}
