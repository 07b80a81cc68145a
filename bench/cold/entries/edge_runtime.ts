// Phases in edge-runtime, one a request.

import { type Phase, run } from "../phases.ts";

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

addEventListener("fetch", (event) => {
  const { request, respondWith } = event as FetchEvent;
  const phase = new URL(request.url).pathname.slice(1) as Phase;
  respondWith.call(event, run(phase).then(() => new Response("done")));
});
