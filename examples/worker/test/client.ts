// A worker of its own for a test, and a client of it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Running, type Setting, start } from "../local/workerd.ts";

export const TOKEN = "a token for the tests";

/** An answer. */
export interface Answer<A = Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: A;
}

/** The fields of the JSON answers, of one or the other. */
export interface Body {
  readonly error?: { readonly code: string; readonly message: string; readonly remedy: string };
  readonly predictions?: readonly Prediction[];
  readonly classes?: number;
  readonly features?: number;
  readonly examples?: number;
  readonly updates?: number;
  readonly bytes?: number;
  readonly waiting?: number;
  readonly limits?: Readonly<Record<string, number>>;
}

/** A prediction. */
export interface Prediction {
  readonly label: string;
  readonly probability: number;
  readonly classes: readonly { readonly label: string; readonly probability: number }[];
}

export type Rows = readonly (readonly number[])[];
export type Labels = readonly (string | number)[];

const bearer = { authorization: `Bearer ${TOKEN}` };

/** A worker with data of its own. */
export class Client {
  #running: Running;

  private constructor(readonly setting: Setting, readonly folder: string, running: Running) {
    this.#running = running;
  }

  /** Starts a worker on an empty folder. */
  static async open(setting: Partial<Setting> = {}): Promise<Client> {
    const folder = mkdtempSync(join(tmpdir(), "fgn-worker-"));
    const whole = { build: join(folder, "build"), data: join(folder, "data"), secrets: { TOKEN }, ...setting };
    return new Client(whole, folder, await start(whole));
  }

  get running(): Running {
    return this.#running;
  }

  /** Starts it again on the same data and port. */
  async restart(setting: Partial<Setting> = {}): Promise<void> {
    const { port } = this.#running;
    await this.#running.stop();
    this.#running = await start({ ...this.setting, ...setting, port });
  }

  /** Ends it and removes its data. */
  async close(): Promise<void> {
    await this.#running.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Any request. */
  async ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.#running.url + path, init);
    return { status: response.status, headers: response.headers, body: await response.json() as Body };
  }

  predict(embeddings: unknown, more: object = {}): Promise<Answer> {
    return this.ask("/predict", { method: "POST", body: JSON.stringify({ embeddings, ...more }) });
  }

  learn(embeddings: unknown, labels: unknown): Promise<Answer> {
    return this.ask("/learn", { method: "POST", body: JSON.stringify({ embeddings, labels }), headers: bearer });
  }

  stats(): Promise<Answer> {
    return this.ask("/stats");
  }

  put(body: BodyInit): Promise<Answer> {
    return this.ask("/head", { method: "PUT", body, headers: bearer });
  }

  /** The head's file. */
  async head(): Promise<Buffer<ArrayBuffer>> {
    const response = await fetch(`${this.#running.url}/head`, { headers: bearer });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }
}
