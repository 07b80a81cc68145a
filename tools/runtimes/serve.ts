// Servers of files, for this machine alone.

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

/** A server that runs. */
export interface Served {
  /** Without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** What is sent for a path. */
export interface File {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** Serves what `find` gives for a path, 404 where that is null, with headers for all. */
export async function serve(
  find: (path: string, url: string) => File | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Served> {
  let address = "";
  const server = createServer(({ url = "/" }, response) => {
    const found = find(decodeURIComponent(normalize(new URL(url, address).pathname)), address);
    if (found === null) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, "content-type": found.type }).end(found.body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  return { url: address, close };
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".ts": "application/typescript",
  ".wasm": "application/wasm",
};

/** A file of a folder by its path there, index.html for the folder itself; null for what is not of a known type. */
export function fileOf(folder: string, path: string): File | null {
  const file = join(folder, path === "/" ? "index.html" : path), type = TYPES[extname(file)];
  return type === undefined || !existsSync(file) ? null : { type, body: readFileSync(file) };
}
