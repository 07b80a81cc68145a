// The object that owns the head. Its memory holds the head last stored; learns and new heads take turns.

import { DurableObject } from "cloudflare:workers";
import type { Classifier } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, json, refuse, respond } from "./answers.ts";
import { parseJson, Room, withBody } from "./body.ts";
import type { Env } from "./env.ts";
import { checkFields, readEmbeddings, readLabels, readTop } from "./examples.ts";
import { prepareFile, readHead, readUpload, writeHead } from "./head_file.ts";
import { learn } from "./learn.ts";
import type { Limits } from "./limits.ts";
import { predict } from "./predict.ts";
import { Queue } from "./queue.ts";
import { release } from "./release.ts";
import { type RouteName, routeOf } from "./routes.ts";
import { readSettings, type Settings } from "./settings.ts";
import { FileStorage } from "./storage.ts";

/** The head as it is stored: null where there is none yet. */
interface Stored {
  readonly head: Classifier | null;
  readonly bytes: number;
}

/** The owner of the head: the object behind the worker, once its limits are known. */
class Owner {
  readonly #files: FileStorage;
  readonly #queue: Queue;
  /** Room for bodies with the token, and for those without: the ones cannot shut out the others. */
  readonly #held: Room;
  readonly #open: Room;
  #stored: Answered<Stored>;

  constructor(ctx: DurableObjectState, readonly limits: Limits) {
    this.#files = new FileStorage(ctx);
    this.#queue = new Queue(limits.MAX_WAITING);
    this.#held = new Room(limits.MAX_HELD_BYTES);
    this.#open = new Room(limits.MAX_OPEN_BYTES);
    this.#stored = this.#load();
  }

  #load(): Answered<Stored> {
    const file = this.#files.load();
    if (file === null) return E.right({ head: null, bytes: 0 });
    const head = readHead(file, this.limits);
    if (head._tag === "Right") return E.right({ head: head.right, bytes: file.length });
    return refuse(
      500,
      "UnreadableHead",
      `the stored head: ${head.left.message}`,
      `${head.left.remedy}; or PUT another`,
    );
  }

  /** Stores a head, and only then owns it, as it is read back from its file. */
  async #keep(made: Classifier): Promise<Answered<Response>> {
    const file = prepareFile(made, this.limits);
    if (file._tag === "Left") return file;
    const { bytes, head } = file.right, { length } = bytes, saved = await this.#files.save(bytes);
    release(bytes);
    if (saved._tag === "Left") return saved;
    this.#stored = E.right({ head, bytes: length });
    return E.map((summary) => json(summary))(this.#summary());
  }

  #summary(): Answered<Readonly<Record<string, number>>> {
    return E.map(({ head, bytes }: Stored) => ({
      classes: head?.network.outputs ?? 0,
      features: head?.network.inputs ?? 0,
      examples: head?.moments?.examples ?? 0,
      updates: head?.moments?.steps ?? 0,
      bytes,
    }))(this.#stored);
  }

  #head(): Answered<Classifier> {
    if (this.#stored._tag === "Left") return this.#stored;
    const { head } = this.#stored.right;
    return head === null
      ? refuse(409, "NoHead", "there is no head yet", "POST /learn or PUT /head first")
      : E.right(head);
  }

  /** POST /predict */
  predict(request: Request): Promise<Answered<Response>> {
    return withBody(request, this.limits.MAX_BODY_BYTES, this.#open, (bytes) => {
      const body = E.chain(checkFields)(parseJson(bytes, this.limits));
      if (body._tag === "Left") return body;
      const embeddings = readEmbeddings(body.right, this.limits);
      if (embeddings._tag === "Left") return embeddings;
      const top = readTop(body.right, this.limits);
      if (top._tag === "Left") return top;
      const head = this.#head();
      if (head._tag === "Left") return head;
      return E.map((predictions) => json({ predictions }))(predict(head.right, embeddings.right, top.right));
    });
  }

  /** POST /learn */
  async learn(request: Request): Promise<Answered<Response>> {
    const examples = await withBody(request, this.limits.MAX_BODY_BYTES, this.#held, (bytes) => {
      const body = E.chain(checkFields)(parseJson(bytes, this.limits));
      if (body._tag === "Left") return body;
      const embeddings = readEmbeddings(body.right, this.limits);
      if (embeddings._tag === "Left") return embeddings;
      const labels = readLabels(body.right, embeddings.right.rows, this.limits);
      return E.map((names: readonly string[]) => ({ embeddings: embeddings.right, names }))(labels);
    });
    if (examples._tag === "Left") return examples;
    const { embeddings, names } = examples.right;
    return await this.#queue.run(async () => {
      if (this.#stored._tag === "Left") return this.#stored;
      const learnt = await learn(this.#stored.right.head, embeddings, names, this.limits);
      return learnt._tag === "Left" ? learnt : await this.#keep(learnt.right);
    });
  }

  /** GET /head */
  readHead(): Answered<Response> {
    const head = this.#head();
    if (head._tag === "Left") return head;
    const headers = { "content-type": "application/octet-stream", "cache-control": "no-store" };
    return E.map((file: Uint8Array) => new Response(file, { headers }))(writeHead(head.right, this.limits));
  }

  /** PUT /head */
  writeHead(request: Request): Promise<Answered<Response>> {
    return withBody(request, this.limits.MAX_HEAD_BYTES, this.#held, (bytes) => {
      const head = readUpload(bytes, this.limits);
      return head._tag === "Left" ? head : this.#queue.run(() => this.#keep(head.right));
    });
  }

  /** GET /stats */
  stats(): Answered<Response> {
    const { waiting } = this.#queue;
    return E.map((summary: object) => json({ ...summary, waiting, limits: this.limits }))(this.#summary());
  }
}

/** The Durable Object. */
export class HeadObject extends DurableObject<Env> {
  #owner: Answered<Owner> = refuse(503, "Unavailable", "the head is not loaded yet", "Try again");

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(() => {
      this.#owner = E.map(({ limits }: Settings) => new Owner(ctx, limits))(readSettings(env));
      return Promise.resolve();
    });
  }

  override async fetch(request: Request): Promise<Response> {
    const route = routeOf(request);
    if (route._tag === "Left") return respond(route);
    if (this.#owner._tag === "Left") return respond(this.#owner);
    const owner = this.#owner.right;
    const answers: Readonly<Record<RouteName, () => Answered<Response> | Promise<Answered<Response>>>> = {
      predict: () => owner.predict(request),
      learn: () => owner.learn(request),
      readHead: () => owner.readHead(),
      writeHead: () => owner.writeHead(request),
      stats: () => owner.stats(),
    };
    return respond(await answers[route.right.name]());
  }
}
