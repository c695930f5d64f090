// Frames a second, milliseconds a frame, and how many frames were left out.

const SECONDS = 2; // that the rate is measured over

export class Meters {
  constructor(rate, milliseconds, leftOut) {
    this.fields = { rate, milliseconds, leftOut };
    this.clear();
  }

  clear() {
    this.times = [];
    this.costs = [];
    this.left = 0;
    this.written = 0;
    Object.values(this.fields).forEach((field) => (field.textContent = "–"));
  }

  leaveOut() {
    this.left += 1;
  }

  /** One more frame at `time`, in seconds, which took so many milliseconds. */
  add(time, milliseconds) {
    this.times.push(time);
    this.costs.push(milliseconds);
    while (this.times[0] < time - SECONDS) this.times.shift();
    if (this.costs.length > 20) this.costs.shift();
    if (time < this.written + 0.5) return; // figures that change faster cannot be read
    this.written = time;
    const span = time - this.times[0];
    this.fields.rate.textContent = span > 0 ? ((this.times.length - 1) / span).toFixed(1) : "–";
    this.fields.milliseconds.textContent = (this.costs.reduce((a, b) => a + b) / this.costs.length).toFixed(1);
    this.fields.leftOut.textContent = this.left;
  }
}
