# Reads the file of a classifier without its library, and predicts by it: prints tensors, labels, metadata and probabilities
# as JSON. Takes the file and rows of numbers as JSON.

import json
import struct
import sys

import numpy as np


def load(path):
    """The tensors and metadata of a safetensors file; what safetensors.numpy.load_file does, with the metadata."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors, metadata


def predict(tensors, fgn, rows):
    """Softmax of the logits of dense layers and ReLU, at the temperature."""
    x = np.array(rows, np.float64)
    for index, layer in enumerate(fgn["layers"]):
        if layer["_tag"] == "dense":
            x = x @ tensors[f"layers.{index}.weight"].T + tensors[f"layers.{index}.bias"]
        else:
            assert layer["kind"] == "relu", layer
            x = np.maximum(x, 0)
    e = np.exp((x - x.max(1, keepdims=True)) / fgn["temperature"])
    return e / e.sum(1, keepdims=True)


tensors, metadata = load(sys.argv[1])
try:
    from safetensors.numpy import load_file

    assert all((load_file(sys.argv[1])[name] == value).all() for name, value in tensors.items())
except ImportError:
    pass
fgn = json.loads(metadata["fgn"])
print(json.dumps({
    "shapes": {name: list(value.shape) for name, value in tensors.items()},
    "labels": json.loads(metadata["labels"]),
    "recipe": fgn["recipe"],
    "probabilities": predict(tensors, fgn, json.loads(sys.argv[2])).tolist(),
}))
