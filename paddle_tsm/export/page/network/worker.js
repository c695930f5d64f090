// The thread that runs the network, so that the page never waits for it.

import { Refusal } from "../refusal.js";
import { fetchLarge } from "./integrity.js";
import { loadRuntime } from "./runtime.js";
import { RunningNetwork } from "./running_network.js";

let network;

async function load({ settings, asked }) {
  const runtime = await loadRuntime(settings.runtime, asked);
  const { file, bytes, sha256 } = settings.model;
  const model = await fetchLarge(file, bytes, sha256, (there) => postMessage({ progress: there }));
  network = await RunningNetwork.create(runtime, model, settings);
  return { backend: runtime.backend, threads: runtime.threads };
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
    const memory = /memory|allocat|OrtRun.*bad_alloc/i.test(String(error));
    const fallback = memory ? "no-memory" : data.task === "load" ? "no-runtime" : "failed-run";
    const kind = error instanceof Refusal ? error.kind : fallback;
    postMessage({ number: data.number, refusal: { kind, detail: String(error.detail ?? error) } });
  }
};
postMessage({ number: 0 });
