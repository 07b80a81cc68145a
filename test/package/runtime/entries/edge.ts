// The suite as a handler of requests, as it would be deployed: /cold takes the first step, /report runs the cases.

import { cold, report } from "../report.ts";

/** The answer to a path; what goes wrong is an answer, too. */
export async function answer(url: string): Promise<Response> {
  try {
    const { pathname } = new URL(url);
    if (pathname === "/") return new Response("ready");
    if (pathname === "/cold") return Response.json(await cold());
    return Response.json(await report({ forbidden: true }));
  } catch (error) {
    return new Response(error instanceof Error ? `${error.message}\n${error.stack}` : String(error), { status: 500 });
  }
}
