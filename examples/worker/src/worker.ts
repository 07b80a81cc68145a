// A classifier head that learns at the edge: the worker checks who asks for what, the object behind it answers.

import { type Answered, refuse, respond } from "./answers.ts";
import { drop } from "./body.ts";
import type { Env } from "./env.ts";
import { routeOf } from "./routes.ts";
import { readSettings } from "./settings.ts";
import { checkToken } from "./token.ts";

export { HeadObject } from "./head_object.ts";

async function allowed(request: Request, env: Env): Promise<Answered<unknown>> {
  const route = routeOf(request);
  if (route._tag === "Left") return route;
  const settings = readSettings(env);
  return settings._tag === "Right" && route.right.guarded ? await checkToken(request, settings.right.token) : settings;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const checked = await allowed(request, env);
      if (checked._tag === "Left") {
        await drop(request);
        return respond(checked);
      }
      return await env.HEAD.get(env.HEAD.idFromName("head")).fetch(request);
    } catch (cause) {
      console.error(cause);
      return respond(refuse(
        503,
        "Unavailable",
        "the object that owns the head did not answer",
        "Try again; ask GET /stats whether a learn or a new head has arrived",
        { "retry-after": "1" },
      ));
    }
  },
} satisfies ExportedHandler<Env>;
