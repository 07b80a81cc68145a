// One at a time, in the order of arrival.

import { type Answered, refuse } from "./answers.ts";

/** Work that is done one after the other, and no more of it waiting than there is room for. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param most works that are done or wait at once */
  constructor(readonly most: number) {}

  /** How many there are, the one that is being done included. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Does a work after those before it, or refuses it. */
  async run<A>(work: () => Promise<Answered<A>>): Promise<Answered<A>> {
    if (this.#waiting >= this.most) {
      return refuse(429, "Busy", `${this.#waiting} others wait to learn`, "Try again later", { "retry-after": "1" });
    }
    this.#waiting++;
    const result = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return await result;
  }
}
