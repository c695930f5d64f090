// Whether this browser computes what Python computed: both ran the same pattern, and page.json has Python's logits.

import { Preset } from "../pixels/preset.js";
import { Refusal } from "../refusal.js";

const FAR = 1e-3; // of the largest logit; rounding makes less than 1e-5

/** RGB bytes of the pattern's frame `number`: the highest byte of a multiplicative hash of the place. */
export function patternBytes(number, length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(number * length + i, 2654435761) >>> 24;
  return bytes;
}

/**
 * Run the pattern and forget it. expected: Python's logits after each run. Resolves to the largest difference, as a
 * fraction of the largest logit. Throws a Refusal where that is too large.
 */
export async function checkAgainstPython(network, { pixels, frames, expected }) {
  const preset = new Preset(pixels);
  let largest = 0;
  let magnitude = 0;
  for (let run = 0; run < expected.length; run++) {
    const input = new Float32Array(frames * preset.length);
    for (let i = 0; i < frames; i++) {
      preset.normalise(patternBytes(run * frames + i, preset.length), input, i * preset.length);
    }
    const { logits } = await network.run(input);
    expected[run].forEach((value, k) => {
      const apart = Math.abs(logits[k] - value);
      largest = apart <= largest ? largest : apart; // NaN is not passed over
      magnitude = Math.max(magnitude, Math.abs(value));
    });
  }
  network.reset();
  const difference = largest / magnitude;
  if (!(difference < FAR)) {
    throw new Refusal("wrong-numbers", `differs by ${difference.toExponential(1)} of the largest logit`);
  }
  return difference;
}
