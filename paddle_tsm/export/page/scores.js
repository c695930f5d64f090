// Probabilities out of the logits of the last frames.

/** Their mean and then softmax, as `paddle-tsm stream` has it. count: how many runs are remembered. */
export class Scores {
  constructor(count) {
    this.count = count;
    this.recent = [];
  }

  reset() {
    this.recent = [];
  }

  /** The probability of each class after these logits. */
  after(logits) {
    this.recent.push(logits);
    if (this.recent.length > this.count) this.recent.shift();
    const mean = logits.map((_, k) => this.recent.reduce((sum, row) => sum + row[k], 0) / this.recent.length);
    const highest = Math.max(...mean);
    const powers = Array.from(mean, (value) => Math.exp(value - highest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((value) => value / sum);
  }
}

/** The numbers of the `count` most probable classes, the most probable first. */
export function topClasses(probabilities, count) {
  return Array.from(probabilities, (p, k) => [p, k])
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, count)
    .map(([, k]) => k);
}
