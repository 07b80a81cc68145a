// wrangler.jsonc as a configuration of workerd, the runtime by itself.

import { existsSync, readFileSync } from "node:fs";
import { parse, type ParseError, printParseErrorCode } from "jsonc-parser";
import type { Bundle } from "./bundle.ts";

/** The part of wrangler.jsonc that is read. */
export interface Wrangler {
  readonly name: string;
  readonly main: string;
  readonly compatibility_date: string;
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
  readonly migrations: readonly { readonly new_sqlite_classes?: readonly string[] }[];
  readonly vars?: Vars;
}

/** Vars by name: a text, or any other JSON value. */
export type Vars = Readonly<Record<string, unknown>>;

/** Reads wrangler.jsonc. */
export function readWrangler(path: string): Wrangler {
  const errors: ParseError[] = [];
  const value = parse(readFileSync(path, "utf8"), errors, { allowTrailingComma: true }) as Wrangler;
  const [first] = errors;
  if (first !== undefined) throw new Error(`${path}: ${printParseErrorCode(first.error)} at ${first.offset}`);
  return value;
}

/** Secrets of a .dev.vars file: lines of NAME=value, the value in quotes or not. */
export function readSecrets(path: string): Readonly<Record<string, string>> {
  if (!existsSync(path)) return {};
  const lines = readFileSync(path, "utf8").split("\n").map((line) => /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line));
  return Object.fromEntries(lines.flatMap((m) => m === null ? [] : [[m[1], m[2]?.replace(/^(["'])(.*)\1$/, "$2")]]));
}

/** A text of Cap'n Proto: as in JSON, but for control characters. */
const text = (value: string): string =>
  JSON.stringify(value).replace(/\\(?:u00(..)|.)/g, (escape, hex?: string) => hex === undefined ? escape : `\\x${hex}`);

const list = (items: readonly string[]): string => `[${items.map((item) => `\n    ${item}`).join(",")}\n  ]`;

function binding(name: string, value: unknown): string {
  return typeof value === "string"
    ? `(name = ${text(name)}, text = ${text(value)})`
    : `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;
}

/** The configuration: the bundle lies beside it; address and data folder are given on the command line. */
export function workerdConfig(
  wrangler: Wrangler,
  { main, wasm }: Bundle,
  vars: Vars,
  secrets: readonly string[],
): string {
  const objects = wrangler.durable_objects.bindings,
    sqlite = wrangler.migrations.flatMap((m) => m.new_sqlite_classes ?? []);
  const modules = [
    `(name = ${text(main)}, esModule = embed ${text(main)})`,
    ...wasm.map((name) => `(name = ${text(name)}, wasm = embed ${text(name)})`),
  ];
  const bindings = [
    ...objects.map(({ name, class_name }) => `(name = ${text(name)}, durableObjectNamespace = ${text(class_name)})`),
    ...Object.entries(vars).map(([name, value]) => binding(name, value)),
    ...secrets.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
  ];
  const namespaces = objects.map(({ class_name: c }) =>
    `(className = ${text(c)}, uniqueKey = ${text(`${wrangler.name}-${c}`)}, enableSql = ${sqlite.includes(c)})`
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "data", disk = (writable = true))],
  sockets = [(name = "http", http = (), service = "main")]
);

const worker :Workerd.Worker = (
  modules = ${list(modules)},
  compatibilityDate = ${text(wrangler.compatibility_date)},
  bindings = ${list(bindings)},
  durableObjectNamespaces = ${list(namespaces)},
  durableObjectStorage = (localDisk = "data")
);
`;
}
