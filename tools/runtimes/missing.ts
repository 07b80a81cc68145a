/** Thrown for a runtime that is not on this machine; the message says how it gets there. */
export class Missing extends Error {}
