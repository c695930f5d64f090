// From frames to probabilities: the pixels, the network, and what is remembered between frames.

import { ClipWindow } from "./clip_window.js";
import { Preset } from "./pixels/preset.js";
import { Scores } from "./scores.js";

const AVERAGE = 8; // frames whose logits are averaged, as `paddle-tsm stream` does by default

export class Recognition {
  constructor(settings, network) {
    Object.assign(this, { settings, network });
    this.preset = new Preset(settings.pixels);
    this.isStream = settings.kind === "stream";
    this.scores = new Scores(this.isStream ? AVERAGE : 1);
    this.window = new ClipWindow(3, settings.frames);
    this.running = Promise.resolve();
    this.busy = false;
  }

  /** Forget all frames, before another video. */
  async reset() {
    await this.running.catch(() => {}); // a run in progress would put its cache back
    await this.network.reset();
    this.scores.reset();
    this.window.reset();
  }

  /**
   * Take a frame in. image: RGBA. time: in seconds. Resolves to {probabilities, milliseconds, ...}, or at once to null
   * where the network is still busy with another one.
   */
  async take(image, time) {
    if (this.isStream && this.busy) return null;
    const start = performance.now();
    const bytes = this.preset.bytes(image);
    if (!this.isStream) this.window.add(bytes, time);
    if (this.busy) return null;
    this.busy = true;
    const frames = this.isStream ? [bytes] : this.window.clip();
    const input = new Float32Array(frames.length * this.preset.length);
    frames.forEach((frame, i) => this.preset.normalise(frame, input, i * this.preset.length));
    const pixels = performance.now() - start;
    try {
      this.running = this.network.run(input);
      const { logits, milliseconds } = await this.running;
      const probabilities = this.scores.after(logits);
      return { image, input, logits, probabilities, milliseconds: milliseconds + pixels };
    } finally {
      this.busy = false;
    }
  }
}
