// The methods compared, each with the one number that is chosen for it.

import { averaged, type Network, type Optimizer, paper, relative, robust } from "../../mod.ts";
import { adam } from "./adam.ts";
import { empiricalFisher } from "./empirical_fisher.ts";
import { fullGaussNewton } from "./full_gauss_newton.ts";
import { lbfgs } from "./lbfgs.ts";
import { sgd } from "./sgd.ts";
import type { Task } from "./tasks.ts";

/** An optimizer, whatever its state: a run hands every state back to the optimizer it came from. */
export type AnyOptimizer = Optimizer<Network, unknown>;

/** The number of a method that is chosen on validation examples. */
export interface Knob {
  readonly name: string;
  /** The middle of the grid, by task or for all others. */
  readonly centres: Readonly<Record<string, number>> & { readonly others: number };
}

export interface Method {
  readonly id: string;
  readonly title: string;
  /** Null: nothing is chosen. */
  readonly knob: Knob | null;
  readonly make: (value: number) => AnyOptimizer;
  /** Whether it trains by the library's `train`, which keeps an average by itself, or step by step. */
  readonly through: "train" | "loop";
  /** Whether it is one that this library offers, rather than a baseline. */
  readonly ours: boolean;
}

const any = <S>(optimizer: Optimizer<Network, S>): AnyOptimizer => optimizer as unknown as AnyOptimizer;

export const METHODS: readonly Method[] = [
  { id: "robust", title: "robust()", knob: null, make: () => any(robust()), through: "train", ours: true },
  {
    id: "robust-chosen",
    title: "robust, caution chosen",
    knob: { name: "caution", centres: { others: 1 } },
    make: (caution) => any(robust({ caution })),
    through: "train",
    ours: true,
  },
  {
    id: "paper",
    title: "paper",
    knob: { name: "damping", centres: { "cmudict-network": 5, "cmudict-deep": 5, "udhr-network": 5, others: 1 } },
    make: (ratio) => any(paper({ damping: relative(ratio) })),
    through: "loop",
    ours: true,
  },
  {
    id: "adam",
    title: "Adam",
    knob: {
      name: "learning rate",
      centres: {
        "mnist-linear": 0.005,
        "mnist-network": 0.005,
        "cmudict-linear": 0.1,
        "udhr-linear": 0.1,
        "glosses-linear": 0.1,
        "weather-linear": 0.1,
        "foods-linear": 0.1,
        "cars-linear": 0.1,
        "penguins-linear": 0.1,
        others: 0.02,
      },
    },
    make: (rate) => any(adam(rate)),
    through: "loop",
    ours: false,
  },
  {
    id: "sgd",
    title: "SGD",
    knob: {
      name: "learning rate",
      centres: {
        "mnist-linear": 0.1,
        "mnist-network": 0.1,
        "cmudict-network": 1,
        "cmudict-deep": 1,
        "cmudict-linear": 30,
        "udhr-linear": 100,
        others: 3,
      },
    },
    make: (rate) => any(sgd(rate)),
    through: "loop",
    ours: false,
  },
  {
    id: "lbfgs",
    title: "L-BFGS",
    knob: { name: "step length", centres: { "udhr-linear": 0.2, others: 0.5 } },
    make: (rate) => any(lbfgs(rate)),
    through: "loop",
    ours: false,
  },
  {
    id: "full-gauss-newton",
    title: "full Gauss-Newton",
    knob: { name: "damping", centres: { "mnist-linear": 0.3, "mnist-network": 0.3, others: 1 } },
    make: (ratio) => any(fullGaussNewton(ratio)),
    through: "loop",
    ours: false,
  },
  {
    id: "empirical-fisher",
    title: "empirical Fisher",
    knob: { name: "damping", centres: { others: 0.1 } },
    make: (ratio) => any(empiricalFisher(ratio)),
    through: "loop",
    ours: false,
  },
];

/** A method with its number, its `result` the running average of its parameters. */
export const withAverage = ({ make }: Method, value: number): AnyOptimizer => any(averaged()(make(value)));

/** Which parameters are scored: those of the last step, or their running average. */
export type Kind = "last" | "averaged";

/** What is scored of a method: of `train` what it gives back, else both. */
export const kindsOf = ({ through }: Method): readonly Kind[] =>
  through === "train" ? ["averaged"] : ["averaged", "last"];

/** The methods compared on a task. */
export const methodsOf = ({ methods }: Task): readonly Method[] =>
  METHODS.filter(({ id }) => methods === null || methods.includes(id));

/** Where a method's grid starts from on a task. */
export const centreOf = ({ knob }: Method, task: string): number => knob?.centres[task] ?? knob?.centres.others ?? 1;

/** The value of a place in the grid, 0 in the middle, to three digits: five places are a decade and a half. */
export const valueAt = (method: Method, task: string, place: number): number =>
  Number((centreOf(method, task) * 10 ** (3 / 8 * place)).toPrecision(3));
