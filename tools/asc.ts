// The AssemblyScript compiler as every module of this project is compiled.

/** Flags of all modules. */
export const FLAGS = ["--enable", "simd", "-O3", "--converge", "--noAssert", "--runtime", "stub"];

/** Compiles files to one WebAssembly module. */
export async function compile(files: readonly string[], flags: readonly string[] = []): Promise<Uint8Array> {
  const { default: asc } = await import("assemblyscript/asc");
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...files, ...FLAGS, ...flags, "--outFile", "module.wasm"], {
    writeFile: (_name: string, contents: Uint8Array | string) => {
      if (typeof contents !== "string") wasm = contents;
    },
  });
  if (error || wasm === undefined) throw new Error(`asc failed: ${error?.message}\n${stderr.toString()}`);
  return wasm;
}
