// The classification problems of the comparison.

import { loadBirdstrikes } from "../../examples/data/birdstrikes.ts";
import { loadCars } from "../../examples/data/cars.ts";
import { loadCmudict } from "../../examples/data/cmudict.ts";
import { type Dataset, draw, type Split, withWrongLabels } from "../../examples/data/dataset.ts";
import { loadFoods } from "../../examples/data/foods.ts";
import { FIELDS, loadGlosses } from "../../examples/data/glosses.ts";
import { loadMnist } from "../../examples/data/mnist.ts";
import { loadMovies } from "../../examples/data/movies.ts";
import { loadPenguins } from "../../examples/data/penguins.ts";
import { loadUdhr } from "../../examples/data/udhr.ts";
import { loadWeather } from "../../examples/data/weather.ts";
import { loadZipcodes } from "../../examples/data/zipcodes.ts";
import { type Batch, batch, getOrThrow, matrix, mlp, type Network, zeroHead } from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { seedRandom } from "../../src/math/random.ts";

/** Examples of a step. */
export const BATCH = 128;

/** A data set as batches. */
export interface Data {
  readonly train: Batch;
  readonly test: Batch;
}

/** What is trained on: a data set, and what is known of it before it is loaded. */
interface Source {
  readonly load: () => Data;
  /** Training examples. */
  readonly rows: number;
  /** Whether constants of `robust()` were settled on data of this kind. */
  readonly settled: boolean;
  /** Whether the columns come as they were measured: the baselines get them standardised. */
  readonly raw: boolean;
}

/** A data set with a model. */
export interface Task extends Source {
  readonly id: string;
  readonly title: string;
  /** Widths from the inputs to the classes; ReLU between. */
  readonly sizes: readonly number[];
  /** The methods compared, by their ids; null: all. */
  readonly methods: readonly string[] | null;
  /** The epochs of the tables; the last one ends the training. */
  readonly epochs: readonly number[];
  /** Seeds of the final runs. */
  readonly seeds: readonly number[];
  /** Seeds of the draws of validation examples that choices are made on. */
  readonly draws: readonly number[];
}

const toBatch = ({ features, labels, rows }: Split, columns: number): Batch =>
  getOrThrow(batch({ features: getOrThrow(matrix(rows, columns, features)), labels }));

/** A source that reads once. */
function source(rows: number, settled: boolean, raw: boolean, load: () => Dataset): Source {
  let data: Data | undefined;
  const loadOnce = (): Data => {
    if (data !== undefined) return data;
    const { train, test, columns } = load();
    if (train.rows !== rows) throw new Error(`the data set has ${train.rows} training rows, not ${rows}`);
    return data = { train: toBatch(train, columns), test: toBatch(test, columns) };
  };
  return { load: loadOnce, rows, settled, raw };
}

/** Few rows train longer, and with more seeds. */
const epochsOf = (rows: number): readonly number[] =>
  rows < 2_000 ? [1, 10, 50] : rows < 10_000 ? [1, 5, 20] : [1, 2, 5];
const seedsOf = (rows: number): readonly number[] => rows < 2_000 ? [1, 2, 3, 4, 5] : [1, 2, 3];
/** A tenth of few rows is too small to choose by. */
const drawsOf = (rows: number): readonly number[] => rows < 2_000 ? [1, 2, 3, 4, 5] : [1];

function task(id: string, title: string, sizes: readonly number[], from: Source): Task {
  const { rows, settled } = from;
  const methods = settled ? null : ["robust", "adam"];
  return {
    ...from,
    id,
    title: `${title} ${sizes.join("-")}`,
    sizes,
    methods,
    epochs: epochsOf(rows),
    seeds: seedsOf(rows),
    draws: drawsOf(rows),
  };
}

/**
 * The share of labels that are drawn anew, the examples of that task, and a seed that draws nothing else: else the
 * validation examples would be the wrong ones.
 */
const WRONG = 0.3, WRONG_ROWS = 6_000, WRONG_SEED = 101;

function loadWrongGlosses(): Dataset {
  const data = loadGlosses(WRONG_ROWS);
  return { ...data, train: withWrongLabels(data.train, WRONG, FIELDS, WRONG_SEED) };
}

const mnist = source(20_000, true, false, () => loadMnist(20_000, 1));
const cmudict = source(20_000, true, false, () => loadCmudict(1));
const udhr = source(12_528, true, false, () => loadUdhr(1));
const glosses = source(12_000, false, false, () => loadGlosses());
const wrongGlosses = source(WRONG_ROWS, false, false, loadWrongGlosses);
const zipcodes = source(12_000, false, true, () => loadZipcodes());
const birdstrikes = source(8_000, false, true, () => loadBirdstrikes());
const movies = source(2_200, false, true, () => loadMovies());
const weather = source(1_100, false, true, () => loadWeather());
const foods = source(400, false, true, () => loadFoods());
const cars = source(280, false, true, () => loadCars());
const penguins = source(250, false, true, () => loadPenguins());

export const TASKS: readonly Task[] = [
  task("glosses-linear", "glosses", [1024, 45], glosses),
  task("glosses-network", "glosses", [1024, 64, 45], glosses),
  task("glosses-wrong", "glosses, 30 % wrong", [1024, 64, 45], wrongGlosses),
  task("zipcodes-network", "zip codes", [2, 64, 52], zipcodes),
  task("birdstrikes-linear", "bird strikes", [100, 2], birdstrikes),
  task("birdstrikes-network", "bird strikes", [100, 64, 2], birdstrikes),
  task("movies-linear", "movies", [23, 11], movies),
  task("movies-network", "movies", [23, 64, 11], movies),
  task("weather-linear", "weather", [6, 5], weather),
  task("weather-network", "weather", [6, 64, 5], weather),
  task("foods-linear", "foods", [207, 13], foods),
  task("foods-network", "foods", [207, 64, 13], foods),
  task("cars-linear", "cars", [7, 3], cars),
  task("cars-network", "cars", [7, 64, 3], cars),
  task("penguins-linear", "penguins", [4, 3], penguins),
  task("penguins-network", "penguins", [4, 64, 3], penguins),
  task("mnist-linear", "MNIST", [784, 10], mnist),
  task("mnist-network", "MNIST", [784, 64, 10], mnist),
  task("cmudict-network", "cmudict", [1024, 64, 200], cmudict),
  task("cmudict-deep", "cmudict", [1024, 64, 64, 200], cmudict),
  task("cmudict-linear", "cmudict", [1024, 200], cmudict),
  task("udhr-network", "UDHR", [1024, 64, 522], udhr),
  task("udhr-linear", "UDHR", [1024, 522], udhr),
];

/** The parameters that a seed starts from: zeros for a linear head, else those of `mlp`. */
export function initial({ sizes }: Task, seed: number): Network {
  const [inputs = 0, ...rest] = sizes, classes = rest.at(-1) ?? 0, hidden = rest.slice(0, -1);
  return getOrThrow(
    hidden.length === 0 ? zeroHead({ features: inputs, classes }) : mlp({ inputs, hidden, classes, seed }),
  );
}

/** The share of the training set that choices are made on. */
const HELD_OUT = 0.1;

/** A training set apart from its validation examples, which stand in the place of the test set. */
export function holdOut({ train }: Data, seed: number): Data {
  const { rows } = train.features, held = Math.round(HELD_OUT * rows);
  const { drawn } = draw(rows, rows, seedRandom(seed));
  const pick = picker(train, rows, false);
  return { train: pick(drawn.slice(held)), test: pick(drawn.slice(0, held)) };
}

/** The first batches of a data set, for a trial of the whole comparison. */
export function part({ train, test }: Data, batches: number): Data {
  const first = (examples: Batch): Batch => {
    const rows = Uint32Array.from({ length: Math.min(batches * BATCH, examples.features.rows) }, (_, i) => i);
    return picker(examples, rows.length, false)(rows);
  };
  return { train: first(train), test: first(test) };
}
