// A network that runs: one step of a stream after the other, or clip after clip.

export class RunningNetwork {
  /** runtime: of loadRuntime. model: the ONNX file. settings: {kind, inputs, outputs} of tsm.json. */
  static async create({ ort, backend }, model, settings) {
    const providers = backend === "webgpu" ? ["webgpu", "wasm"] : ["wasm"];
    const session = await ort.InferenceSession.create(model, {
      executionProviders: providers,
      graphOptimizationLevel: "all",
    });
    return new RunningNetwork(ort, session, settings);
  }

  constructor(ort, session, { inputs, outputs, frames }) {
    Object.assign(this, { ort, session, outputs });
    [this.first, ...this.folds] = inputs;
    this.shape = [frames, ...this.first.shape.slice(1)];
    this.reset();
  }

  /** Forget all frames: the cache is zeros before the first one. */
  reset() {
    this.cache = this.folds.map(({ shape }) => {
      const dims = [1, ...shape.slice(1)];
      const length = dims.reduce((a, b) => a * b);
      return new this.ort.Tensor("float32", new Float32Array(length), dims);
    });
  }

  /** input: float32 of one frame, or of one clip. Returns {logits: float32 [classes], milliseconds}. */
  async run(input) {
    const feeds = { [this.first.name]: new this.ort.Tensor("float32", input, this.shape) };
    this.folds.forEach(({ name }, i) => (feeds[name] = this.cache[i]));
    const start = performance.now();
    const found = await this.session.run(feeds);
    const [logits, ...next] = this.outputs.map(({ name }) => found[name]);
    this.cache = next;
    return { logits: Float32Array.from(await logits.getData()), milliseconds: performance.now() - start };
  }
}
