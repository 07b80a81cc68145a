// A registry on this machine with a few packages, so that package managers install what was just packed.

import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";

/** A server that runs, and its address without a slash at the end. */
export interface Running {
  readonly url: string;
  readonly close: () => Promise<void>;
}

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

/** Serves what `answer` gives for a path, 404 where that is null, on a free port of this machine. */
export function serve(
  answer: (path: string, url: string) => { readonly type: string; readonly body: string | Uint8Array } | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Running> {
  let url = "";
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", url);
    const found = answer(decodeURIComponent(pathname), url);
    response.writeHead(found === null ? 404 : 200, { ...headers, "content-type": found?.type ?? "text/plain" });
    response.end(found === null ? "not found" : found.body);
  });
  return new Promise((done) => {
    server.listen(0, "127.0.0.1", () => {
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      done({ url, close });
    });
  });
}

/** A registry of the packages of the given tarballs. */
export function serveRegistry(tarballs: readonly string[]): Promise<Running> {
  const packages = tarballs.map(packageOf);
  return serve((path, url) => {
    for (const one of packages) {
      const { name } = one.manifest;
      if (path === `/${name}`) return { type: "application/json", body: document(one, url) };
      if (path === `/${name}/-/${one.file}`) return { type: "application/octet-stream", body: one.bytes };
    }
    return null;
  });
}
