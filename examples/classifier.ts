// From rows to a classifier that learns: read, train, accuracy by class, save, load, the likeliest three, a new class.
//
//   node tools/run.mjs examples/classifier.ts, deno run -A examples/classifier.ts, bun examples/classifier.ts

import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { classify, decodeClassifier, encodeClassifier, getOrThrow, learn, report, trainClassifier } from "../mod.ts";

const lines = readFileSync("examples/data/requests.jsonl", "utf8").trim().split("\n");
const rows = lines.map((line) => JSON.parse(line) as { readonly text: string; readonly label: string });
const part = (some: typeof rows) => ({
  features: some.map(({ text }) => text),
  labels: some.map(({ label }) => label),
});
const { classifier } = await getOrThrow(trainClassifier(part(rows.slice(30)), { epochs: 20 }));
const { classes } = getOrThrow(report(classifier, part(rows.slice(0, 30))));
for (const { label, precision, recall } of classes) console.log(label, precision.toFixed(2), recall.toFixed(2));
writeFileSync(`${tmpdir()}/requests.safetensors`, getOrThrow(encodeClassifier(classifier)));
const loaded = getOrThrow(decodeClassifier(readFileSync(`${tmpdir()}/requests.safetensors`)));
console.log(getOrThrow(classify(loaded, ["the app shows an error in the invoice"], { top: 3 }))[0]?.top);
const five = ["where is my parcel?", "the parcel is late", "has it been shipped?", "parcel lost", "track my shipment"];
const more = getOrThrow(learn(loaded, { features: five, labels: five.map(() => "delivery") }));
console.log(getOrThrow(classify(more, ["my parcel has not been shipped yet"]))[0]?.label);
