// The thread that runs the network, so that the page never waits for it.

import { Refusal, runRefusal } from "../refusal.js";
import { checkAgainstPython } from "./check.js";
import { fetchLarge } from "./integrity.js";
import { backendFor, loadRuntime } from "./runtime.js";
import { RunningNetwork } from "./running_network.js";

let network;

/** Load everything and compare it with Python. Resolves to {backend, threads, difference}. */
async function load({ settings, asked }) {
  const { file, bytes, sha256 } = settings.model;
  const backend = await backendFor(asked.backend);
  const model = fetchLarge(file, bytes, sha256, (there) => postMessage({ progress: there }));
  try {
    return await loadOn(backend, await model, settings, asked.threads);
  } catch (error) {
    // a graphics processor that cannot run the network, or computes something else
    if (backend === "wasm" || asked.backend || (error instanceof Refusal && error.kind === "no-runtime")) throw error;
    return loadOn("wasm", await model, settings, asked.threads);
  }
}

async function loadOn(backend, model, settings, threads) {
  const runtime = await loadRuntime(settings.runtime, backend, threads);
  network = await RunningNetwork.create(runtime, model, settings);
  const difference = await checkAgainstPython(network, settings);
  return { backend, threads: runtime.threads, difference };
}

const TASKS = {
  load,
  run: ({ input }) => network.run(input),
  reset: () => network.reset(),
};

onmessage = async ({ data }) => {
  try {
    const answer = await TASKS[data.task](data);
    postMessage({ number: data.number, answer });
  } catch (error) {
    const { kind, detail } = runRefusal(data.task, error);
    postMessage({ number: data.number, refusal: { kind, detail } });
  }
};
postMessage({ number: 0 });
