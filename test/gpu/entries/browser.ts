// The cases in a page or a worker of it: the page defines `go`, which a worker is asked to call by a message.

import type { Given } from "../check.ts";
import { type Hear, type Request, runCases, type Word } from "../suite.ts";

/** Runs the cases on what the server gives. */
async function go(request: Request, hear: Hear): Promise<void> {
  const given = await (await fetch("/given.json")).json() as Given;
  await runCases(given, request, hear);
}

/** The same in a worker. */
const goInWorker = (request: Request, hear: Hear): Promise<void> =>
  new Promise((done, failed) => {
    const worker = new Worker("/browser.js", { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Word | null>) => data === null ? done() : hear(data);
    worker.onerror = ({ message }) => failed(new Error(message));
    worker.postMessage(request);
  });

if ("document" in globalThis) Object.assign(globalThis, { go, goInWorker });
else {
  globalThis.onmessage = async ({ data }: MessageEvent<Request>) => {
    await go(data, (word) => globalThis.postMessage(word));
    globalThis.postMessage(null);
  };
}
