/**
 * Computations in pieces, for calls that may take long: whoever runs one may do something else in between.
 *
 * What it has in the kernel's memory lies there while it rests. A call that lays out memory meanwhile takes it away, which
 * `layouts` of the kernel tells: the computation then has to begin anew.
 *
 * @module
 */

/** A computation that yields where it may rest. */
export type Pieces<A> = Generator<void, A, void>;

/** Runs all of it at once. */
export function runAtOnce<A>(pieces: Pieces<A>): A {
  let next = pieces.next();
  while (next.done !== true) next = pieces.next();
  return next.value;
}
