// The page's side of the network's thread.

import { Refusal } from "../refusal.js";

export class Network {
  /** progress(bytes): called as the network's file arrives. */
  constructor(progress) {
    this.waiting = new Map();
    this.number = 0;
    // Behind a blob's address the thread keeps the page's Content-Security-Policy; behind its own it would have none.
    const code = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    this.worker = new Worker(address, { type: "module" });
    this.started = new Promise((resolve, reject) => this.waiting.set(0, { resolve, reject }));
    this.worker.onerror = (event) => this.fail(new Refusal("failed-run", event.message));
    this.worker.onmessage = ({ data }) => {
      if ("progress" in data) return progress(data.progress);
      const call = this.waiting.get(data.number);
      this.waiting.delete(data.number);
      if (data.refusal) call.reject(new Refusal(data.refusal.kind, data.refusal.detail));
      else call.resolve(data.answer);
    };
  }

  fail(refusal) {
    this.waiting.forEach(({ reject }) => reject(refusal));
    this.waiting.clear();
  }

  async call(task, values = {}) {
    await this.started; // what is sent before the thread listens is lost in some browsers
    const number = ++this.number;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      this.worker.postMessage({ task, number, ...values });
    });
  }

  /** Load runtime and network; resolves to {backend, threads}. */
  load(settings, asked) {
    return this.call("load", { settings, asked });
  }

  /** input: float32 of a frame or a clip; resolves to {logits, milliseconds}. */
  run(input) {
    return this.call("run", { input });
  }

  /** Forget all frames. */
  reset() {
    return this.call("reset");
  }
}
