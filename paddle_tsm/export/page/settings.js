// What the export says of the network (tsm.json) and of the page (page.json).

import { Refusal } from "./refusal.js";

async function read(name) {
  try {
    const response = await fetch(name, { cache: "no-cache" });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return await response.json();
  } catch (error) {
    throw new Refusal("no-settings", `${name}: ${error.message}`);
  }
}

/** Everything that the page has to know. Addresses are whole, because threads have another base. */
export async function readSettings() {
  const [tsm, page] = await Promise.all([read("tsm.json"), read("page.json")]);
  const whole = (path) => new URL(path, document.baseURI).href;
  const classes = tsm.network.num_classes;
  return {
    name: tsm.checkpoint.file ?? tsm.network.arch,
    arch: tsm.network.arch,
    kind: tsm.kind,
    frames: tsm.kind === "clip" ? tsm.network.num_segments : 1,
    inputs: tsm.inputs,
    outputs: tsm.outputs,
    preset: tsm.preset,
    labels: tsm.labels.length ? tsm.labels : Array.from({ length: classes }, (_, i) => `class ${i}`),
    pixels: page.pixels,
    model: { file: whole(page.model.file), bytes: page.model.bytes, sha256: tsm.sha256[page.model.file] },
    expected: page.expected,
    runtime: { ...page.runtime, address: whole(page.runtime.address) },
  };
}
