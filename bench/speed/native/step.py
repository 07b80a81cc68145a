# An SGD step of a linear head in NumPy and in PyTorch, one thread each: best times in milliseconds, as JSON.
# Of a call that others interrupt, the time of the processor counts, as in bench/support/race.ts.
#
#   python3 bench/native/step.py '[[32, 384, 10]]' MILLISECONDS

import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"


def numpy_step(rows, features, classes):
    import numpy as np

    draw = np.random.default_rng(1)
    x = draw.random((rows, features), dtype=np.float32)
    weight = np.zeros((features, classes), dtype=np.float32)
    bias = np.zeros(classes, dtype=np.float32)
    labels = np.arange(rows) % classes

    def step():
        z = x @ weight + bias
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(rows), labels] -= 1
        rate = np.float32(0.1 / rows)
        np.subtract(weight, rate * (x.T @ p), out=weight)
        np.subtract(bias, rate * p.sum(axis=0), out=bias)

    return step


def torch_step(rows, features, classes):
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    x = torch.rand(rows, features)
    labels = torch.arange(rows) % classes
    head = torch.nn.Linear(features, classes)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(head(x), labels).backward()
        optimizer.step()

    return step


def best(step, milliseconds):
    least, end = float("inf"), time.perf_counter() + milliseconds / 1e3
    calls = 0
    while calls < 2 or time.perf_counter() < end:
        began, used = time.perf_counter(), time.process_time()
        step()
        least = min(least, time.perf_counter() - began, time.process_time() - used)
        calls += 1
    return 1e3 * least


def column(make, module, shapes, milliseconds):
    try:
        return [best(make(*shape), milliseconds) for shape in shapes]
    except ImportError:
        return f"skipped: {module} not found"


shapes, milliseconds = json.loads(sys.argv[1]), float(sys.argv[2])
print(json.dumps({
    "NumPy SGD": column(numpy_step, "numpy", shapes, milliseconds),
    "PyTorch SGD": column(torch_step, "torch", shapes, milliseconds),
}))
