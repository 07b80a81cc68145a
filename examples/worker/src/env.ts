/** The bindings of wrangler.jsonc. */
export interface Env {
  /** The class of the object that owns the head. */
  readonly HEAD: DurableObjectNamespace;
  /** The token that learning, and reading and writing the head, ask for; without it they are refused. */
  readonly TOKEN?: unknown;
  /** The limits, by the names in limits.ts: numbers, or texts of numbers. */
  readonly [name: string]: unknown;
}
