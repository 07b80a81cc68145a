/**
 * The config.json of a classifier that libraries of transformers run.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkObject } from "../check/kind.ts";
import { guard } from "../check/total.ts";
import { checkClassifier, type Classifier } from "../classifier/classifier.ts";

/** The fields of a config.json that say what the logits are, beside those of the encoder. */
export interface PipelineConfig {
  /** Label of each class, by its number. */
  readonly id2label: Readonly<Record<string, string>>;
  /** Number of each class, by its label. */
  readonly label2id: Readonly<Record<string, number>>;
  /** One class a text: probabilities are a softmax. */
  readonly problem_type: "single_label_classification";
  /** Fields of the encoder's config, such as `model_type`. */
  readonly [field: string]: unknown;
}

/**
 * The config.json for the file of {@link appendToEncoder}: that of the encoder, whose `model_type` says how texts are read,
 * with the labels of the classes as texts. Errors: `WrongKind`; those of `encodeClassifier` for what is no classifier.
 *
 * @param encoder the encoder's config.json, parsed
 * @example
 * ```ts
 * import { classifierOf, getOrThrow, linearHead } from "fgn";
 * import { pipelineConfig } from "fgn/onnx";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], [0, 0]));
 * const config = getOrThrow(pipelineConfig(getOrThrow(classifierOf(head, ["no", "yes"])), { model_type: "bert" }));
 * console.log(config.id2label); // { 0: "no", 1: "yes" }
 * ```
 */
export function pipelineConfig(
  classifier: Classifier,
  encoder: Readonly<Record<string, unknown>>,
): E.Either<FgnError, PipelineConfig> {
  return guard("pipelineConfig", { classifier, encoder }, () => {
    const known = checkClassifier(classifier);
    if (known._tag === "Left") return known;
    const fields = checkObject("the encoder's config", encoder, "an object, as JSON.parse gives it");
    if (fields._tag === "Left") return fields;
    const names = known.right.labels.map(String);
    return E.right({
      ...encoder,
      id2label: Object.fromEntries(names.entries()),
      label2id: Object.fromEntries(names.map((name, index) => [name, index])),
      problem_type: "single_label_classification",
    });
  });
}
