// Paths and methods that the worker answers.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";

/** The name of a route. */
export type RouteName = "predict" | "learn" | "readHead" | "writeHead" | "stats";

/** A method of a path. */
export interface Route {
  readonly name: RouteName;
  /** Whether it asks for the token. */
  readonly guarded: boolean;
}

const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  "/predict": { POST: { name: "predict", guarded: false } },
  "/learn": { POST: { name: "learn", guarded: true } },
  "/head": { GET: { name: "readHead", guarded: true }, PUT: { name: "writeHead", guarded: true } },
  "/stats": { GET: { name: "stats", guarded: false } },
};

/** An entry of a table by a name that somebody sent. */
const entry = <A>(table: Readonly<Record<string, A>>, name: string): A | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** The route of a request. */
export function routeOf({ url, method }: Request): Answered<Route> {
  const path = new URL(url).pathname, methods = entry(ROUTES, path);
  if (methods === undefined) {
    const known = Object.keys(ROUTES).join(", ");
    return refuse(404, "UnknownRoute", `there is nothing at ${path.slice(0, 100)}`, `Ask for one of ${known}`);
  }
  const route = entry(methods, method);
  if (route !== undefined) return E.right(route);
  const allowed = Object.keys(methods).join(", ");
  return refuse(405, "UnknownMethod", `${path} does not take ${method}`, `Use ${allowed}`, { allow: allowed });
}
