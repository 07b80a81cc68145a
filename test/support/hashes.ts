// SHA-256 of the parameters of three runs: what every runtime must come to, from source (test/train/train.test.ts) and from
// the installed package (test/package/runtime).

/** A linear head, 200 steps. */
export const LINEAR = "c485a8ae0bf4e7c8ada67a4f906d539c519c5901db9323438263a28798385286";

/** A network with every layer kind, refined steps, an objective whose penalty takes in biases, gains and shifts. */
export const NETWORK = "42313a17b1e91d50da387d56eea62d0aa9be7aec46e577da5148604e391ae117";

/** The same with a penalty of the weights alone. */
export const NETWORK_WEIGHTS = "43ac994bbfc3d365b4e419cbd36eb223a06196305c8dc5c93e97ffc2a10c7502";

/** Sparse features, matrix-free. */
export const SPARSE = "546b4b60da54d9f7acc352f73fd5fc04dd8a05b0647dc2c7ad6077d64b63bb96";
