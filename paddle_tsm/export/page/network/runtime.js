// onnxruntime-web, loaded by its hashes: with WebGPU where there is one, else WebAssembly with SIMD and threads.

import { Refusal } from "../refusal.js";
import { fetchChecked } from "./integrity.js";

const MOST_THREADS = 8; // more cost more than they bring in a step of a few milliseconds

/** Whether there is a graphics processor; a software renderer is slower than WebAssembly. */
async function hasWebGpu() {
  if (!navigator.gpu) return false;
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return adapter !== null && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}

/** How many threads: one without cross-origin isolation, which shared memory needs. */
function threadsFor(wanted) {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.max(1, Math.min(wanted || navigator.hardwareConcurrency || 1, MOST_THREADS));
}

// a module with one function that uses SIMD
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/** Throws a Refusal where there is no WebAssembly with SIMD. */
export function checkWebAssembly() {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(new Uint8Array(SIMD))) {
    throw new Refusal("no-webassembly");
  }
}

/** The backend of this browser, "webgpu" or "wasm". asked: one of the two, or nothing. */
export async function backendFor(asked) {
  return asked || ((await hasWebGpu()) ? "webgpu" : "wasm");
}

/**
 * The runtime for a backend: {ort, backend, threads}. described: `runtime` of page.json. asked: how many threads, or
 * nothing.
 */
export async function loadRuntime(described, backend, asked) {
  const files = described.backends[backend];
  const contents = await Promise.all(
    [files.api, files.glue, files.wasm].map((name) =>
      fetchChecked(new URL(name, described.address), described.files[name].integrity, "no-runtime"),
    ),
  );
  const [api, glue] = contents
    .slice(0, 2)
    .map((content) => URL.createObjectURL(new Blob([content], { type: "text/javascript" })));
  const ort = await import(api).catch((error) => {
    throw new Refusal("no-runtime", error.message);
  });
  const threads = threadsFor(asked);
  ort.env.wasm.wasmPaths = { mjs: glue };
  ort.env.wasm.wasmBinary = contents[2];
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return { ort, backend, threads };
}
