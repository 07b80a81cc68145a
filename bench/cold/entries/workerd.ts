// Phases in workerd, one a request.

import { type Phase, run } from "../phases.ts";

export default {
  async fetch({ url }: Request): Promise<Response> {
    const phase = new URL(url).pathname.slice(1);
    if (phase !== "") await run(phase as Phase);
    return new Response("done");
  },
};
