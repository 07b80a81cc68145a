// The cost of a learn and of a prediction of 16 examples: `npm run bench:worker` prints a table and writes results.json.

import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { performance } from "node:perf_hooks";
import { adapt, batch, getOrThrow, matrix, type Network, type OnlineState } from "../../mod.ts";
import { processBytes, processSeconds, watchHeap } from "../../examples/worker/local/memory.ts";
import { type Answer, Client } from "../../examples/worker/test/client.ts";
import { Clusters, fileOf, memoryOf, Reference } from "../../examples/worker/test/reference.ts";

const EXAMPLES = 16, WARM = 10, TIMES = 100;

/** Milliseconds a call: of the worker's processor time, and until the answer. */
interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

/** The cost of one of many calls, one after the other. */
async function cost(client: Client, status: number, call: () => Promise<Answer>): Promise<Cost> {
  const check = async (): Promise<void> => {
    const answer = await call();
    if (answer.status !== status) throw new Error(JSON.stringify(answer.body));
  };
  for (let i = 0; i < WARM; i++) await check();
  const cpu = processSeconds(client.running), wall = performance.now();
  for (let i = 0; i < TIMES; i++) await check();
  return {
    cpu: (processSeconds(client.running) - cpu) * 1000 / TIMES,
    wall: (performance.now() - wall) / TIMES,
  };
}

/** Milliseconds that a function takes here, in Node, as the mean of many. */
function here(work: () => unknown): number {
  for (let i = 0; i < WARM; i++) work();
  const { user, system } = process.cpuUsage();
  for (let i = 0; i < TIMES; i++) work();
  const spent = process.cpuUsage({ user, system });
  return (spent.user + spent.system) / 1000 / TIMES;
}

async function measure(classes: number, features: number) {
  const client = await Client.open(), clusters = new Clusters(classes, features), reference = new Reference();
  reference.labels = Array.from({ length: classes }, (_, i) => `class ${i}`);
  const weight = new Float32Array(classes * features).map(() => (clusters.draw() - 0.5) / 10);
  const bias = new Float32Array(classes);
  await client.put(
    fileOf(
      {
        weight: { shape: [classes, features], data: weight },
        bias: { shape: [classes], data: bias },
        ...memoryOf(features),
      },
      reference.labels,
    ),
  );
  const sets = Array.from({ length: 20 }, () => clusters.examples(EXAMPLES));
  let at = 0;
  const next = () => sets[at++ % sets.length] as typeof sets[number];
  const learn = await cost(client, 200, () => {
    const { embeddings, labels } = next();
    return client.learn(embeddings, labels);
  });
  const predict = await cost(client, 200, () => client.predict(next().embeddings));
  const refused = await cost(client, 400, () => client.learn(next().embeddings, Array(EXAMPLES).fill("")));
  const { bytes } = (await client.stats()).body, rss = processBytes(client.running, "VmRSS");
  const layers = [{
    _tag: "dense",
    weight: { rows: classes, cols: features, data: weight },
    bias,
    frozen: false,
  }] as const;
  let network: Network = { _tag: "network", inputs: features, outputs: classes, layers };
  // The moments of memoryOf(), so that the step is that of the worker.
  const moments = { mean: new Float32Array(features), variance: new Float32Array(features).fill(1 / 3) };
  let state: OnlineState = { steps: 0, examples: 1000, layers: [moments] };
  const step = here(() => {
    const { embeddings, labels } = next();
    const data = getOrThrow(batch({
      features: getOrThrow(matrix(EXAMPLES, features, embeddings.flat())),
      labels: labels.map((label) => Number(label.slice(6))),
    }));
    ({ params: network, state } = getOrThrow(adapt(network, state, data)));
  });
  Object.assign(reference, { network, state });
  const encode = here(() => reference.file());
  await client.close();
  return { classes, features, bytes, learn, predict, refused, step, encode, rss };
}

/** Memory of an isolate that learns, predicts and hands out its head, one after the other. */
async function memory(classes: number, features: number) {
  const client = await Client.open({ inspect: true }), clusters = new Clusters(classes, features);
  const weight = { shape: [classes, features], data: new Float32Array(classes * features) };
  const bias = { shape: [classes], data: new Float32Array(classes) };
  await client.put(fileOf({ weight, bias, ...memoryOf(features) }));
  const stop = watchHeap(client.running);
  for (let i = 0; i < 40; i++) {
    const { embeddings, labels } = clusters.examples(EXAMPLES);
    await client.learn(embeddings, labels.map((label) => label.slice(6)));
    await client.predict(embeddings);
    if (i % 10 === 0) await client.put(await client.head());
  }
  const peak = await stop(), resident = processBytes(client.running, "VmHWM");
  await client.close();
  return { ...peak, process: resident };
}

const rows = [];
for (const [classes, features] of [[10, 384], [1000, 768]] as const) {
  rows.push({ ...await measure(classes, features), memory: await memory(classes, features) });
}
const ms = (value: number): string => value.toFixed(2), mb = (value: number): string => (value / 1e6).toFixed(1);
console.log(`milliseconds of processor time a call of ${EXAMPLES} examples (and until the answer), MB`);
console.table(rows.map(({ classes, features, bytes = 0, learn, predict, refused, step, encode, memory }) => ({
  "head": `${classes} × ${features}`,
  "file": mb(bytes),
  "predict": `${ms(predict.cpu)} (${ms(predict.wall)})`,
  "learn": `${ms(learn.cpu)} (${ms(learn.wall)})`,
  "of it HTTP and JSON": ms(refused.cpu),
  "step": ms(step),
  "file made": ms(encode),
  "stored": ms(learn.cpu - refused.cpu - step - encode),
  "isolate": `${mb(memory.left)} to ${mb(memory.isolate)}`,
  "process": mb(memory.process),
})));
mkdirSync("bench", { recursive: true });
writeFileSync("bench/worker/results.json", `${JSON.stringify({ examples: EXAMPLES, times: TIMES, rows }, null, 2)}\n`);
