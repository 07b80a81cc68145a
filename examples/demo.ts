/**
 * The demo: trains digit classifiers and language identifiers with the default optimizer, then uses them.
 *
 *   npm run demo              or: deno run -A examples/demo.ts, bun run examples/demo.ts
 *   npm run demo -- --short   less data, fewer features and a single epoch
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import process from "node:process";
import {
  type Batch,
  batch,
  dense,
  embedding,
  evaluate,
  type Evaluation,
  type Features,
  type FgnError,
  initialise,
  layerNorm,
  type Matrix,
  matrix,
  mlp,
  type Network,
  probabilities,
  type Progress,
  showError,
  tanh,
  train,
  zeroHead,
} from "../mod.ts";
import type { Dataset, Split } from "./data/dataset.ts";
import { loadMnist, SIDE } from "./data/mnist.ts";
import { featurizeSparse, loadUdhr, loadUdhrSparse, type SparseLanguages } from "./data/udhr.ts";
import { bar, showForGood, showForNow } from "./progress.ts";
import { picture, sideBySide, table } from "./text.ts";

const BATCH_SIZE = 128;

/** Hidden units of the networks. */
const HIDDEN = 64;

/** Sentences that are not in the declaration. */
const SENTENCES: readonly (readonly [language: string, sentence: string])[] = [
  ["English", "The weather is lovely today, so we are going to walk along the river with the dogs."],
  ["German", "Heute Abend kochen wir zusammen eine Suppe, und danach schauen wir uns einen alten Film an."],
  ["French", "Ma grand-mère prépare toujours une tarte aux pommes quand nous venons la voir le dimanche."],
  ["Swahili", "Watoto wanacheza mpira nje ya nyumba kwa sababu leo hakuna mvua na jua linawaka sana."],
  ["Turkish", "Yarın sabah erkenden kalkıp denize gideceğiz, akşam da arkadaşlarla balık yiyeceğiz."],
  ["Vietnamese", "Hôm nay trời đẹp quá, chúng tôi sẽ đi chợ mua rau và cá rồi về nhà nấu cơm."],
];

/** Examples to train on and to test with. */
interface Examples {
  readonly examples: Batch;
  readonly validation: Batch;
}

/** A training run to do: its model, its data and its length. */
interface Task extends Examples {
  readonly name: string;
  /** Features, hidden units and classes. */
  readonly sizes: readonly number[];
  /** The untrained model. */
  readonly start: Network;
  readonly epochs: number;
}

/** A trained model and how it got there. */
interface Trained {
  readonly task: Task;
  readonly model: Network;
  readonly evaluation: Evaluation;
  readonly steps: number;
  readonly seconds: number;
}

/** A class and its probability. */
interface Guess {
  readonly label: number;
  readonly probability: number;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

const toBatch = ({ features, labels, rows }: Split, columns: number): E.Either<FgnError, Batch> =>
  pipe(matrix(rows, columns, features), E.chain((m) => batch({ features: m, labels })));

/** Validates the data. */
const toExamples = ({ train, test, columns }: Dataset): E.Either<FgnError, Examples> =>
  pipe(
    E.Do,
    E.bind("examples", () => toBatch(train, columns)),
    E.bind("validation", () => toBatch(test, columns)),
  );

const toSparseExamples = ({ train, test }: SparseLanguages): E.Either<FgnError, Examples> =>
  pipe(E.Do, E.bind("examples", () => batch(train)), E.bind("validation", () => batch(test)));

/** A linear head and a network for digits. */
const digitTasks = (data: Dataset, epochs: number): E.Either<FgnError, readonly [Task, Task]> => {
  const inputs = data.columns, classes = 10;
  return pipe(
    E.Do,
    E.bind("data", () => toExamples(data)),
    E.bind("head", () => zeroHead({ features: inputs, classes })),
    E.bind("network", () => mlp({ inputs, hidden: [HIDDEN], classes, seed: 1 })),
    E.map(({ data, head, network }) => [
      { name: "MNIST", sizes: [inputs, classes], start: head, epochs, ...data },
      { name: "MNIST", sizes: [inputs, HIDDEN, classes], start: network, epochs, ...data },
    ]),
  );
};

/** A linear head over a thousand hashed n-grams. */
const languageHead = (epochs: number): E.Either<FgnError, Task> => {
  const languages = loadUdhr();
  const features = languages.columns, classes = languages.names.length;
  return pipe(
    E.Do,
    E.bind("data", () => toExamples(languages)),
    E.bind("start", () => zeroHead({ features, classes })),
    E.map(({ data, start }) => ({ name: "UDHR", sizes: [features, classes], start, epochs, ...data })),
  );
};

/**
 * A network over up to a quarter of a million hashed n-grams. The layer norm gives the sums of a few hundred small
 * weights unit scale: without it the hidden units start near 0, and the first steps overshoot.
 */
const languageNetwork = (data: SparseLanguages, epochs: number): E.Either<FgnError, Task> => {
  const inputs = data.columns, classes = data.names.length;
  const layers = [embedding(HIDDEN, { bias: false }), layerNorm(), tanh(), dense(classes)];
  return pipe(
    E.Do,
    E.bind("data", () => toSparseExamples(data)),
    E.bind("start", () => initialise({ inputs, layers, seed: 1 })),
    E.map(({ data, start }) => ({
      name: "UDHR",
      sizes: [inputs, HIDDEN, classes],
      start,
      epochs,
      ...data,
    })),
  );
};

const arrows = (sizes: readonly number[]): string => sizes.map((size) => size.toLocaleString("en-GB")).join(" → ");

/** Shows where training stands: a step for now, an epoch for good. */
function showProgress({ name, sizes, epochs }: Task, record: Progress): void {
  const title = `${name.padEnd(5)}  ${arrows(sizes).padEnd(18)}`;
  const place = `${title}  ${bar(record.steps / record.totalSteps)}  epoch ${record.epoch}/${epochs}`;
  const steps = `step ${record.steps}/${record.totalSteps}`;
  if (record._tag === "step") showForNow(`${place}  ${steps}  batch loss ${record.report.lossBefore.toFixed(3)}`);
  else if (record._tag === "epoch") {
    showForGood(`${place}  ${steps}  test accuracy ${percent(record.evaluation?.accuracy ?? 0)}`);
  }
}

/** Trains a model on a task. */
async function fit(task: Task): Promise<E.Either<FgnError, Trained>> {
  const { start: untrained, examples, validation, epochs } = task;
  let model = untrained, steps = 0;
  const start = performance.now();
  const options = { epochs, batchSize: BATCH_SIZE, seed: 1, validation };
  for await (const record of train(model, examples, options)) {
    if (record._tag === "Left") return record;
    showProgress(task, record.right);
    if (record.right._tag === "done") ({ params: model, steps } = record.right);
  }
  const seconds = (performance.now() - start) / 1000;
  return pipe(evaluate(model, validation), E.map((evaluation) => ({ task, model, evaluation, steps, seconds })));
}

/** The results as a table. */
function summary(results: readonly Trained[]): string {
  const rows = results.map(({ task, evaluation, steps, seconds }) => [
    task.name,
    arrows(task.sizes),
    percent(evaluation.accuracy),
    percent(evaluation.top5),
    evaluation.loss.toFixed(3),
    String(steps),
    `${seconds.toFixed(2)} s`,
  ]);
  return table([["test set", "model", "accuracy", "top-5", "loss", "steps", "wall time"], ...rows]).join("\n");
}

/** The classes of each row of probabilities, the likeliest first. */
function rank({ rows, cols, data }: Matrix): Guess[][] {
  return Array.from(
    { length: rows },
    (_, row) =>
      Array.from(data.subarray(row * cols, (row + 1) * cols), (probability, label) => ({ label, probability }))
        .sort((a, b) => b.probability - a.probability),
  );
}

/** Rows of features, classified. */
const classify = (model: Network, features: Features): E.Either<FgnError, Guess[][]> =>
  pipe(probabilities(model, features), E.map(rank));

/** The drawing of a test digit, with what it is and what it was taken for. */
function digitBlock(test: Split, guesses: readonly Guess[][], index: number): string[] {
  const size = SIDE * SIDE;
  const best = guesses[index]?.[0];
  return [
    ...picture(test.features.subarray(index * size, (index + 1) * size), SIDE),
    `predicted ${best?.label} (${percent(best?.probability ?? 0)}), true ${test.labels[index]}`,
  ];
}

/** Draws the first two test digits and the first one that the model gets wrong. */
const showDigits = ({ test }: Dataset, { task, model }: Trained): E.Either<FgnError, string> =>
  pipe(
    classify(model, task.validation.features),
    E.map((guesses) => {
      const wrong = guesses.findIndex((ranked, i) => i >= 2 && ranked[0]?.label !== test.labels[i]);
      const blocks = [0, 1, wrong < 0 ? 2 : wrong].map((index) => digitBlock(test, guesses, index));
      const title = "Test digits: the first two, and the first that the network gets wrong";
      return `${title}\n${sideBySide(blocks, 32).join("\n")}`;
    }),
  );

/** A sentence with the two likeliest languages. */
function sentenceLines(names: readonly string[], ranked: readonly Guess[], index: number): string {
  const [language, sentence] = SENTENCES[index] ?? ["", ""];
  const [first, second] = ranked.slice(0, 2).map(({ label, probability }) => `${names[label]} ${percent(probability)}`);
  return `${language.padEnd(10)}  “${sentence}”\n${" ".repeat(10)}  → ${first}, then ${second}`;
}

/** Names the language of each sentence. */
const showSentences = ({ names, columns }: SparseLanguages, { model }: Trained): E.Either<FgnError, string> =>
  pipe(
    SENTENCES,
    E.traverseArray(([, sentence]) => classify(model, featurizeSparse(sentence, columns))),
    E.map((guesses) => {
      const lines = guesses.flat().map((ranked, index) => sentenceLines(names, ranked, index));
      return `Sentences that are not in the declaration, named by the network\n${lines.join("\n")}`;
    }),
  );

/** Trains a head and a network on either data set, then shows how well they do and some of what they say. */
async function demo(short: boolean): Promise<E.Either<FgnError, string>> {
  const epochs = short ? 1 : 5;
  const digits = loadMnist(short ? 2_000 : 20_000), languages = loadUdhrSparse(short ? 2 ** 14 : 2 ** 18);
  const tasks = pipe(
    E.Do,
    E.bind("digits", () => digitTasks(digits, epochs)),
    E.bind("head", () => languageHead(epochs)),
    E.bind("network", () => languageNetwork(languages, epochs)),
    E.map(({ digits, head, network }) => [...digits, head, network]),
  );
  if (tasks._tag === "Left") return tasks;
  const results: Trained[] = [];
  for (const task of tasks.right) {
    const trained = await fit(task);
    if (trained._tag === "Left") return trained;
    results.push(trained.right);
  }
  const [, digitModel, , languageModel] = results as [Trained, Trained, Trained, Trained];
  return pipe(
    E.Do,
    E.bind("digits", () => showDigits(digits, digitModel)),
    E.bind("sentences", () => showSentences(languages, languageModel)),
    E.map((shown) => [`\n${summary(results)}`, shown.digits, shown.sentences].join("\n\n")),
  );
}

const shown = await demo(process.argv.includes("--short"));
if (shown._tag === "Right") {
  console.log(shown.right);
} else {
  console.error(showError(shown.left));
  process.exitCode = 1;
}
