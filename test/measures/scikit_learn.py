"""Writes test/golden/measures.json: measures of small tables of probabilities by scikit-learn, scipy and numpy.

    apt-get install python3-sklearn     # scikit-learn 1.2.1
    /usr/bin/python3 test/measures/scikit_learn.py

Rows are whole numbers divided by their sum and rounded to float32, which JavaScript repeats to the last bit.
"""

import json
import math
import os
import warnings

import numpy as np
import scipy
import sklearn
from scipy.optimize import brentq
from scipy.special import logsumexp, softmax
from sklearn import metrics
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
BINS, PRECISION, ERROR, K = 10, 0.8, 0.2, 3


def shares(rows, classes, seed, labels, sharpness):
    """Whole numbers, those of labels raised by `sharpness` in most rows; as table() of the test has them."""
    i, k = np.arange(rows)[:, None], np.arange(classes)[None, :]
    raw = 1 + (i * i * 7919 + k * 104729 + (i + seed) * (k + 1) * 613) % 1009
    top = np.array([y if i % 4 < 3 else (y + 1 + i // 4 % (classes - 1)) % classes for i, y in enumerate(labels)])
    raw[np.arange(rows), top] += sharpness * (1 + np.arange(rows) % 5)
    return raw


def report(y, p, w):
    classes, predicted = p.shape[1], p.argmax(axis=1)
    scores = lambda **more: metrics.precision_recall_fscore_support(y, predicted, sample_weight=w, **more)
    precision, recall, f1, support = scores(labels=range(classes))
    top = metrics.top_k_accuracy_score(y, p, k=K, labels=range(classes), sample_weight=w) if classes > 2 else 1
    return {
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
        "macro": list(scores(average="macro")[:3]), "weighted": list(scores(average="weighted")[:3]),
        "accuracy": metrics.accuracy_score(y, predicted, sample_weight=w), "topK": top,
        "logLoss": metrics.log_loss(y, p, labels=range(classes), sample_weight=w, eps=2.0**-149),
    }


def calibration(y, p):
    predicted = p.argmax(axis=1)
    right, confidence = (predicted == y).astype(int), p.max(axis=1)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS, pos_label=1)
    count = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence), minlength=BINS)
    gaps = np.abs(accuracy - mean)
    one_hot = np.eye(p.shape[1])[y]
    brier = sum(metrics.brier_score_loss(one_hot[:, c], np.minimum(p[:, c], 1), pos_label=1) for c in range(p.shape[1]))
    return {
        "count": count.tolist(), "accuracy": accuracy.tolist(), "confidence": mean.tolist(),
        "ece": float(np.sum(count[count > 0] * gaps) / len(y)), "mce": float(gaps.max()), "brier": float(brier),
    }


def temperature(y, p, w):
    w = np.ones(len(y)) if w is None else np.array(w, dtype=float)
    own, l = np.arange(len(y)), np.log(p)
    def slope(beta):
        return np.average((softmax(beta * l, axis=1) * l).sum(axis=1) - l[own, y], weights=w)
    if (p.argmax(axis=1) == y).all():
        return None
    beta = brentq(slope, 0.01, 100, xtol=1e-14, rtol=1e-14)
    loss = np.average(logsumexp(beta * l, axis=1) - beta * l[own, y], weights=w)
    return {"temperature": 1 / beta, "loss": float(loss)}


def threshold(y, p):
    right, confidence = (p.argmax(axis=1) == y).astype(int), p.max(axis=1)
    precision, _, thresholds = metrics.precision_recall_curve(right, confidence)
    reached = [t for t, share in zip(thresholds, precision) if share >= PRECISION]
    if not reached:
        return {"threshold": None, "precision": float(precision[:-1].max()), "kept": 0}
    kept = confidence >= reached[0]
    return {"threshold": float(reached[0]), "precision": float(right[kept].mean()), "kept": int(kept.sum())}


def conformal(y, p):
    n = len(y)
    level = math.ceil((n + 1) * (1 - ERROR)) / n
    if level > 1:
        return 0.0
    return 1 - float(np.quantile(1 - p[np.arange(n), y], level, method="inverted_cdf"))


def suspects(y, p):
    own = p[np.arange(len(y)), y]
    others = p.copy()
    others[np.arange(len(y)), y] = -1
    margin = own - others.max(axis=1)
    return {
        "margin": np.argsort(margin, kind="stable").tolist(), "selfConfidence": np.argsort(own, kind="stable").tolist(),
        "suggested": others.argmax(axis=1).tolist(),
    }


def case(name, raw, labels, weights=None):
    y = np.array(labels)
    p = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    small = raw.size <= 1000
    unweighted = {"calibration": calibration(y, p), "threshold": threshold(y, p), "conformal": conformal(y, p),
                  "suspects": suspects(y, p)}
    return {
        "name": name, "rows": raw.shape[0], "classes": raw.shape[1], "labels": y.tolist(), "weights": weights,
        "raw": raw.ravel().tolist() if small else None, "report": report(y, p, weights),
        "confusion": metrics.confusion_matrix(y, p.argmax(axis=1), labels=range(raw.shape[1]), sample_weight=weights)
        .ravel().tolist() if small else None,
        "temperature": temperature(y, p, weights) if (raw > 0).all() else None, **unweighted,
    }


def cases():
    y = [i * 5 % 3 for i in range(40)]
    plain = shares(40, 3, 1, y, 900)
    yield case("three classes", plain, y)
    yield case("three classes, weighted", plain, y, [0.5 + (i % 4) / 2 for i in range(40)])
    y = [i * 7 % 2 for i in range(30)]
    yield case("two classes", shares(30, 2, 2, y, 700), y)
    # Class 2 is never predicted, class 3 never a label, class 4 neither.
    y = [i % 3 for i in range(24)]
    raw = shares(24, 5, 3, y, 800)
    raw[:, 2] = 1
    raw[:, 4] = 2
    raw[::6, 3] += 5000
    yield case("absent classes", raw, y)
    yield case("one row", np.array([[3, 5, 1]]), [1])
    yield case("one row, wrong", np.array([[5, 3, 1]]), [1])
    yield case("zeros and ones", np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [3, 1, 0], [0, 1, 7]]), [0, 1, 2, 0, 1])
    y = [i * 137 % 1000 for i in range(60)]
    yield case("a thousand classes", shares(60, 1000, 5, y, 120000), y)


def main():
    page = {"versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
            "bins": BINS, "precision": PRECISION, "error": ERROR, "k": K, "cases": list(cases())}
    with open(os.path.join(os.path.dirname(__file__), "../golden/measures.json"), "w") as file:
        file.write(json.dumps(page, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


main()
