// The suite in edge-runtime, which knows handlers by their events.

import { answer } from "./edge.ts";

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

addEventListener("fetch", (event) => {
  const { request, respondWith } = event as FetchEvent;
  respondWith.call(event, answer(request.url));
});
