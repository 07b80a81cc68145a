// docs/options.md is written from the table of options.

import { expect, it } from "vitest";
import { optionPage, optionPageIsCurrent } from "../../tools/option_table.ts";

it("docs/options.md says what the table of options says: npm run build:options", () => {
  expect(optionPageIsCurrent()).toBe(true);
  expect(optionPage()).toMatch(/\n\| `trustRegion` *\| no *\| no *\| yes *\|/);
});
