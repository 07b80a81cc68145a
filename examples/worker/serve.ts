// Runs the worker on this machine, as wrangler.jsonc says it: `npm run worker [-- PORT]`, in the repository.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { readSecrets } from "./local/config.ts";
import { FOLDER, start } from "./local/workerd.ts";

const cache = "node_modules/.cache/fgn/worker", data = join(FOLDER, ".wrangler/data");
const secrets = { ...readSecrets(join(FOLDER, ".dev.vars")) }, { TOKEN: given } = process.env;
const token = given || secrets["TOKEN"] || randomBytes(24).toString("base64url");
const port = Number(process.argv[2] ?? 8787);
const { url, process: child, stop } = await start({ build: cache, data, port, secrets: { ...secrets, TOKEN: token } });

console.log(`
The worker listens on ${url}; its data lie in ${data}.
${given || secrets["TOKEN"] ? "The token is the one given." : `No TOKEN was given; for this run it is ${token}`}

  curl ${url}/learn -H "authorization: Bearer ${given || secrets["TOKEN"] ? "$TOKEN" : token}" \\
    -d '{"embeddings": [[1, 0], [0, 1]], "labels": ["east", "north"]}'
  curl ${url}/predict -d '{"embeddings": [[0.9, 0.2]]}'
`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop(signal));
child.once("exit", (code) => process.exitCode = code ?? 0);
