/**
 * The demo: trains a digit classifier and a language identifier with the default settings, then uses them.
 *
 *   npm run demo              or: deno task demo, bun run demo
 *   npm run demo -- --short   less data and a single epoch
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import process from "node:process";
import {
  type Batch,
  batch,
  evaluate,
  type Evaluation,
  type FgnError,
  type LinearHead,
  type Matrix,
  matrix,
  probabilities,
  type Progress,
  showError,
  train,
  zeroHead,
} from "../mod.ts";
import type { Dataset, Split } from "./data/dataset.ts";
import { loadMnist, SIDE } from "./data/mnist.ts";
import { featurize, type Languages, loadUdhr } from "./data/udhr.ts";
import { bar, showForGood, showForNow } from "./progress.ts";
import { picture, sideBySide, table } from "./text.ts";

const BATCH_SIZE = 128;

/** Sentences that are not in the declaration. */
const SENTENCES: readonly (readonly [language: string, sentence: string])[] = [
  ["English", "The weather is lovely today, so we are going to walk along the river with the dogs."],
  ["German", "Heute Abend kochen wir zusammen eine Suppe, und danach schauen wir uns einen alten Film an."],
  ["French", "Ma grand-mère prépare toujours une tarte aux pommes quand nous venons la voir le dimanche."],
  ["Swahili", "Watoto wanacheza mpira nje ya nyumba kwa sababu leo hakuna mvua na jua linawaka sana."],
  ["Turkish", "Yarın sabah erkenden kalkıp denize gideceğiz, akşam da arkadaşlarla balık yiyeceğiz."],
  ["Vietnamese", "Hôm nay trời đẹp quá, chúng tôi sẽ đi chợ mua rau và cá rồi về nhà nấu cơm."],
];

/** What to train, and for how long. */
interface Task {
  readonly name: string;
  readonly data: Dataset;
  readonly classes: number;
  /** Balanced classes over features of unit length need no bias, and it would double the damping. */
  readonly bias: boolean;
  readonly epochs: number;
}

/** A trained head and how it got there. */
interface Trained {
  readonly task: Task;
  readonly head: LinearHead;
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

/** Validates the data and makes a head of zeros. */
const prepare = ({ data, classes, bias }: Task) =>
  pipe(
    E.Do,
    E.bind("head", () => zeroHead({ features: data.columns, classes, bias })),
    E.bind("examples", () => toBatch(data.train, data.columns)),
    E.bind("validation", () => toBatch(data.test, data.columns)),
  );

/** Shows where training stands: a step for now, an epoch for good. */
function showProgress({ name, epochs }: Task, record: Progress): void {
  const place = `${name}  ${bar(record.step / record.steps)}  epoch ${record.epoch}/${epochs}`;
  const steps = `step ${record.step}/${record.steps}`;
  if (record._tag === "step") showForNow(`${place}  ${steps}  batch loss ${record.report.lossBefore.toFixed(3)}`);
  else showForGood(`${place}  ${steps}  test accuracy ${percent(record.evaluation?.accuracy ?? 0)}`);
}

/** Trains a head on a task from zero. */
async function fit(task: Task): Promise<E.Either<FgnError, Trained>> {
  const prepared = prepare(task);
  if (prepared._tag === "Left") return prepared;
  const { examples, validation } = prepared.right;
  let { head } = prepared.right, steps = 0;
  const start = performance.now();
  for await (
    const record of train(head, examples, { epochs: task.epochs, batchSize: BATCH_SIZE, seed: 1, validation })
  ) {
    if (record._tag === "Left") return record;
    showProgress(task, record.right);
    if (record.right._tag === "epoch") ({ params: head, step: steps } = record.right);
  }
  const seconds = (performance.now() - start) / 1000;
  return pipe(evaluate(head, validation), E.map((evaluation) => ({ task, head, evaluation, steps, seconds })));
}

/** The results as a table. */
function summary(results: readonly Trained[]): string {
  const rows = results.map(({ task, evaluation, steps, seconds }) => [
    task.name,
    `${task.data.columns} → ${task.classes}`,
    percent(evaluation.accuracy),
    percent(evaluation.top5),
    evaluation.loss.toFixed(3),
    String(steps),
    `${seconds.toFixed(2)} s`,
  ]);
  return table([["test set", "head", "accuracy", "top-5", "loss", "steps", "wall time"], ...rows]).join("\n");
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
const classify = (head: LinearHead, features: Float32Array): E.Either<FgnError, Guess[][]> =>
  pipe(
    matrix(features.length / head.weight.cols, head.weight.cols, features),
    E.chain((rows) => probabilities(head, rows)),
    E.map(rank),
  );

/** The drawing of a test digit, with what it is and what it was taken for. */
function digitBlock(test: Split, guesses: readonly Guess[][], index: number): string[] {
  const size = SIDE * SIDE;
  const best = guesses[index]?.[0];
  return [
    ...picture(test.features.subarray(index * size, (index + 1) * size), SIDE),
    `predicted ${best?.label} (${percent(best?.probability ?? 0)}), true ${test.labels[index]}`,
  ];
}

/** Draws the first two test digits and the first one that the head gets wrong. */
const showDigits = ({ task, head }: Trained): E.Either<FgnError, string> =>
  pipe(
    classify(head, task.data.test.features),
    E.map((guesses) => {
      const { test } = task.data;
      const wrong = guesses.findIndex((ranked, i) => i >= 2 && ranked[0]?.label !== test.labels[i]);
      const blocks = [0, 1, wrong < 0 ? 2 : wrong].map((index) => digitBlock(test, guesses, index));
      return `Test digits: the first two, and the first that the head gets wrong\n${sideBySide(blocks, 32).join("\n")}`;
    }),
  );

/** A sentence with the two likeliest languages. */
function sentenceLines(names: readonly string[], ranked: readonly Guess[], index: number): string {
  const [language, sentence] = SENTENCES[index] ?? ["", ""];
  const [first, second] = ranked.slice(0, 2).map(({ label, probability }) => `${names[label]} ${percent(probability)}`);
  return `${language.padEnd(10)}  “${sentence}”\n${" ".repeat(10)}  → ${first}, then ${second}`;
}

/** Names the language of each sentence. */
const showSentences = ({ names }: Languages, { head }: Trained): E.Either<FgnError, string> =>
  pipe(
    classify(head, Float32Array.from(SENTENCES.flatMap(([, sentence]) => [...featurize(sentence)]))),
    E.map((guesses) => {
      const lines = guesses.map((ranked, index) => sentenceLines(names, ranked, index));
      return `Sentences that are not in the declaration\n${lines.join("\n")}`;
    }),
  );

/** Trains both heads, then shows how well they do and some of what they say. */
async function demo(short: boolean): Promise<E.Either<FgnError, string>> {
  const epochs = short ? 1 : 5;
  const digits = await fit({ name: "MNIST", data: loadMnist(short ? 2_000 : 20_000), classes: 10, bias: true, epochs });
  if (digits._tag === "Left") return digits;
  const udhr = loadUdhr();
  const languages = await fit({ name: "UDHR ", data: udhr, classes: udhr.names.length, bias: false, epochs });
  if (languages._tag === "Left") return languages;
  return pipe(
    E.Do,
    E.bind("digits", () => showDigits(digits.right)),
    E.bind("sentences", () => showSentences(udhr, languages.right)),
    E.map((shown) => [`\n${summary([digits.right, languages.right])}`, shown.digits, shown.sentences].join("\n\n")),
  );
}

const shown = await demo(process.argv.includes("--short"));
if (shown._tag === "Right") {
  console.log(shown.right);
} else {
  console.error(showError(shown.left));
  process.exitCode = 1;
}
