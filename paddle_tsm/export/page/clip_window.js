// The frames of the last seconds, of which a network of clips sees a few.

export class ClipWindow {
  /** seconds: how far back a clip reaches. frames: of a clip. */
  constructor(seconds, frames) {
    Object.assign(this, { seconds, frames });
    this.kept = [];
  }

  reset() {
    this.kept = [];
  }

  /** bytes: a frame's pixels. time: in seconds. */
  add(bytes, time) {
    this.kept.push({ bytes, time });
    while (this.kept[0].time < time - this.seconds) this.kept.shift();
  }

  /**
   * The frames of a clip: the window is cut into as many equal parts as a clip has frames, and the frame nearest to the
   * middle of each part is taken. While the window is not yet full, it is what there is.
   */
  clip() {
    const first = this.kept[0].time;
    const span = this.kept[this.kept.length - 1].time - first;
    return Array.from({ length: this.frames }, (_, i) => {
      const time = first + ((i + 0.5) * span) / this.frames;
      return this.kept.reduce((a, b) => (Math.abs(b.time - time) < Math.abs(a.time - time) ? b : a)).bytes;
    });
  }
}
