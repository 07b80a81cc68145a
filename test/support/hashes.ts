// SHA-256 of the parameters of three runs: what every runtime must come to, from source (test/train/train.test.ts) and from
// the installed package (test/package/runtime).

/** A linear head, 200 steps. */
export const LINEAR = "9c28970cb84e5d94faae462b44859c0d763f2c77ec8935cef1337711a34af340";

/** A network with every layer kind, refined steps, an objective whose penalty takes in biases, gains and shifts. */
export const NETWORK = "4b134f8a0aa9d2ea092ad2f93b70c978d45d8c8142ff728f71155b0567135be1";

/** The same with a penalty of the weights alone. */
export const NETWORK_WEIGHTS = "f995aa4727c8f988b641f1c4ccc5bd560cccb5ef5187a4eb9959f9c071907907";

/** Sparse features, matrix-free. */
export const SPARSE = "a5d832b11adc3921b532cc759aa230d34a8cd8dfbd4324f9d2dffa0ef920d7fb";
