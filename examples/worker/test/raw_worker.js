// The worker with one more route, for tests: PUT /raw stores any bytes where the head's file lies, as another version of
// the worker may have left them.

import { HeadObject as Owner } from "../src/head_object.ts";
import { FileStorage } from "../src/storage.ts";
import worker from "../src/worker.ts";

const isRaw = ({ url }) => new URL(url).pathname === "/raw";

export class HeadObject extends Owner {
  async fetch(request) {
    if (!isRaw(request)) return await super.fetch(request);
    const saved = await new FileStorage(this.ctx).save(new Uint8Array(await request.arrayBuffer()));
    return Response.json(saved);
  }
}

export default {
  fetch: (request, env) =>
    isRaw(request) ? env.HEAD.get(env.HEAD.idFromName("head")).fetch(request) : worker.fetch(request, env),
};
