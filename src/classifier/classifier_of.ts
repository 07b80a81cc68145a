/**
 * Classifiers of networks that are there already.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { ANY, checkOptions, type Rules, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { featuresOf, type Rows } from "../features/features.ts";
import type { FeatureRecipe } from "../features/recipe.ts";
import { type Network, takesFeatures } from "../network/layer.ts";
import { checkNetwork } from "../network/network.ts";
import { observe } from "../optimizer/observe.ts";
import { KERNEL, type KernelOption } from "../problem/session.ts";
import { checkClassifier, type Classifier } from "./classifier.ts";
import type { Labels } from "./labels.ts";

/** Options of {@link classifierOf}. */
export interface ClassifierOfOptions extends KernelOption {
  /** How features are made (default: rows of numbers, or a sparse matrix where the network reads one). */
  readonly recipe?: FeatureRecipe;
  /** Rows like those that the network was trained on, some hundred of them, for `learn`; labels are not needed. */
  readonly known?: Rows;
}

const OPTIONS: Rules<ClassifierOfOptions> = /* @__PURE__ */ union(KERNEL, { recipe: ANY, known: ANY });

/**
 * The classifier of a network that was trained already, here or elsewhere, and the labels of its classes in their order.
 * With `known` rows it can `learn`; their moments are what later steps disturb least.
 *
 * Errors: `InvalidLabels`, `InvalidOption`, `FeatureMismatch`; those of the function `network`, of {@link makeFeatures} and
 * of `observe` for the known rows.
 *
 * @example
 * ```ts
 * import { classifierOf, classify, getOrThrow, linearHead } from "fgn";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], [0, 0]));
 * const compass = getOrThrow(classifierOf(head, ["east", "north"], { known: [[1, 0], [0, 1]] }));
 * console.log(getOrThrow(classify(compass, [[3, 1]]))[0]?.label); // east
 * ```
 */
export function classifierOf(
  network: Network,
  labels: Labels,
  options: ClassifierOfOptions = {},
): E.Either<FgnError, Classifier> {
  return guard("classifierOf", { network, labels, options }, () => {
    const checked = checkOptions(options, OPTIONS);
    if (checked._tag === "Left") return checked;
    const shapes = checkNetwork(network);
    if (shapes._tag === "Left") return shapes;
    const { recipe, known, ...kernel } = checked.right;
    const kind = takesFeatures(network) === "sparse" ? "sparse" : "vector";
    const classifier = checkClassifier({
      _tag: "classifier",
      network,
      recipe: recipe ?? { kind, length: network.inputs },
      labels: labels as Classifier["labels"],
      moments: null,
      temperature: 1,
      threshold: null,
      measured: null,
      fingerprint: "",
      version: 1,
    }, true);
    if (classifier._tag === "Left" || known === undefined) return classifier;
    const features = featuresOf(classifier.right.recipe, known);
    if (features._tag === "Left") return features;
    const moments = observe(network, null, features.right, kernel);
    return moments._tag === "Left" ? moments : E.right({ ...classifier.right, moments: moments.right });
  });
}
