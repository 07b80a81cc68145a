import { defineConfig } from "vitest/config";

// Files share a process as they do in Bun: loading the library anew for each takes longer than the tests.
export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000, isolate: false, maxWorkers: "100%" },
});
