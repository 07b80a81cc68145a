// An ONNX model of one node, C = A·B, as the bytes of its protocol buffer (onnx.proto: ModelProto, GraphProto, …).

type Bytes = readonly number[];

const text = (value: string): Bytes => [...new TextEncoder().encode(value)];

function varint(value: number): Bytes {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

const number = (field: number, value: number): Bytes => [field << 3, ...varint(value)];
const bytes = (field: number, value: Bytes): Bytes => [(field << 3) | 2, ...varint(value.length), ...value];

const FLOAT = 1, IR_VERSION = 8, OPSET = 13;

/** A ValueInfoProto: a name, the type of the elements and the dimensions. */
function tensor(name: string, shape: readonly number[]): Bytes {
  const dimensions = shape.flatMap((size) => bytes(1, number(1, size)));
  const type = bytes(1, [...number(1, FLOAT), ...bytes(2, dimensions)]);
  return [...bytes(1, text(name)), ...bytes(2, type)];
}

/** The model for an m × k matrix a and a k × n matrix b; its output is c. */
export function matMulModel(m: number, k: number, n: number): Uint8Array {
  const node = [...bytes(1, text("a")), ...bytes(1, text("b")), ...bytes(2, text("c")), ...bytes(4, text("MatMul"))];
  const graph = [
    ...bytes(1, node),
    ...bytes(2, text("product")),
    ...bytes(11, tensor("a", [m, k])),
    ...bytes(11, tensor("b", [k, n])),
    ...bytes(12, tensor("c", [m, n])),
  ];
  return Uint8Array.from([...number(1, IR_VERSION), ...bytes(7, graph), ...bytes(8, number(2, OPSET))]);
}
