// A registry on this machine with a few packages, so that package managers install what was just packed.

import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { serve, type Served } from "../../../tools/runtimes/serve.ts";

interface Package {
  readonly manifest: Record<string, unknown> & { readonly name: string; readonly version: string };
  readonly file: string;
  readonly bytes: Buffer;
}

function packageOf(tarball: string): Package {
  const text = execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" });
  return { manifest: JSON.parse(text), file: basename(tarball), bytes: readFileSync(tarball) };
}

/** What a registry says of a package with a single version. */
function document({ manifest, file, bytes }: Package, url: string): string {
  const { name, version } = manifest;
  const hash = (kind: string, encoding: "hex" | "base64"): string => createHash(kind).update(bytes).digest(encoding);
  const dist = {
    tarball: `${url}/${name}/-/${file}`,
    shasum: hash("sha1", "hex"),
    integrity: `sha512-${hash("sha512", "base64")}`,
  };
  return JSON.stringify({ name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } });
}

/** A registry of the packages of the given tarballs. */
export function serveRegistry(tarballs: readonly string[]): Promise<Served> {
  const packages = tarballs.map(packageOf);
  return serve((asked, url) => {
    const path = decodeURIComponent(asked); // npm asks for @scope%2fname
    for (const one of packages) {
      const { name } = one.manifest;
      if (path === `/${name}`) return { type: "application/json", body: document(one, url) };
      if (path === `/${name}/-/${one.file}`) return { type: "application/octet-stream", body: one.bytes };
    }
    return null;
  });
}
