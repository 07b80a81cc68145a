// The suite in workerd.

import { answer } from "./edge.ts";

export default { fetch: ({ url }: Request): Promise<Response> => answer(url) };
