import { describe, expect, it } from "vitest";
import { type FgnError, getOrThrow, logits, matrix, relu, tanh, type Tensor, writeSafetensors } from "../../mod.ts";
import { type HeadOptions, readHead } from "../../src/readers/readers.ts";

const tensor = (shape: readonly number[], ...values: number[]): Tensor => ({ shape, data: Float32Array.from(values) });

const fileOf = (tensors: Readonly<Record<string, Tensor>>): Uint8Array =>
  getOrThrow(writeSafetensors({ tensors: new Map(Object.entries(tensors)) }));

async function refusal(tensors: Readonly<Record<string, Tensor>>, options: HeadOptions = {}): Promise<FgnError> {
  const head = await readHead(fileOf(tensors), options)();
  if (head._tag === "Right") throw new Error("a head is read");
  return head.left;
}

const linear = { weight: tensor([2, 3], 1, 2, 3, 4, 5, 6), bias: tensor([2], 0.5, -1) };

describe("a head of PyTorch", () => {
  it("is the network of one linear layer, with or without bias", async () => {
    const features = getOrThrow(matrix([[1, 0, -1]]));
    const head = getOrThrow(await readHead(fileOf(linear))());
    expect([...getOrThrow(logits(head, features)).data]).toEqual([-1.5, -3]);
    const named = getOrThrow(await readHead(fileOf({ "model.fc.weight": linear.weight }))());
    expect([...getOrThrow(logits(named, features)).data]).toEqual([-2, -2]);
  });

  it("is a chain of linear layers by their numbers, with activations between them", async () => {
    const file = fileOf({
      "10.weight": tensor([2, 1], 1, -1),
      "2.weight": tensor([1, 2], 1, 1),
      "2.bias": tensor([1], 1),
      "0.weight": tensor([2, 3], 1, 0, 0, 0, 1, 0),
    });
    const head = getOrThrow(await readHead(file)()), [, between] = head.layers;
    expect([head.inputs, head.layers.length, between]).toEqual([3, 5, relu()]);
    expect([...getOrThrow(logits(head, getOrThrow(matrix([[1, -5, 0]])))).data]).toEqual([2, -2]);
    const other = getOrThrow(await readHead(file, { activation: tanh(), layers: ["0", "2", "10"] })());
    expect(other.layers[1]).toEqual(tanh());
  });

  it("widens half precision", async () => {
    const header = JSON.stringify({ weight: { dtype: "F16", shape: [2, 1], data_offsets: [0, 4] } });
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8), bytes = new Uint8Array(8 + padded.length + 4);
    bytes[0] = padded.length;
    bytes.set(new TextEncoder().encode(padded), 8);
    bytes.set([0x00, 0x3c, 0x00, 0xc0], 8 + padded.length);
    const head = getOrThrow(await readHead(bytes)()), [layer] = head.layers;
    expect(layer?._tag === "dense" && [...layer.weight.data]).toEqual([1, -2]);
  });

  it("is refused with other layers, layers that do not follow, and values that are none", async () => {
    const norm = tensor([3], 1, 1, 1);
    expect((await refusal({ ...linear, "norm.weight": norm })).message).toContain('"norm.weight" of 1 dimensions');
    expect((await refusal({ ...linear, running_mean: norm })).message).toContain(
      '"running_mean", which is of no linear layer',
    );
    expect((await refusal({})).message).toBe("data has no linear layer");
    expect((await refusal(linear, { layers: ["fc"] })).message).toBe('data has no tensor "fc.weight"');
    expect(await refusal({ "0.weight": linear.weight, "2.weight": linear.weight })).toMatchObject({
      _tag: "InvalidLayer",
    });
    expect(await refusal({ weight: linear.weight, bias: norm })).toMatchObject({ _tag: "ShapeMismatch" });
    expect(await refusal({ weight: tensor([1, 1], NaN) })).toMatchObject({ _tag: "NotFinite" });
    expect(await refusal(linear, { layer: ["fc"] } as never)).toMatchObject({ _tag: "InvalidOption" });
    expect((await readHead(new Uint8Array(5))())._tag).toBe("Left");
  });
});
