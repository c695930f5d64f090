// A frame as the preset makes network input of it.

import { CROP, NORMALISE, RESIZE } from "./rules.js";

/** rules: {resize, crop, normalise: names in rules.js; short, size: pixels}, as page.json has them. */
export class Preset {
  constructor(rules) {
    this.rules = rules;
    this.resize = RESIZE[rules.resize];
    this.crop = CROP[rules.crop];
    const values = NORMALISE[rules.normalise];
    this.tables = [0, 1, 2].map((c) => Float32Array.from({ length: 256 }, (_, byte) => values(byte, c)));
  }

  /** The part of the frame that the network sees: RGB bytes, size x size. image: {data: RGBA, width, height}. */
  bytes(image) {
    const { short, size } = this.rules;
    const [width, height, scaledWindow] = this.resize(image.width, image.height, short);
    return scaledWindow(image, width, height, this.crop(width, size), this.crop(height, size), size);
  }

  /** RGB bytes -> float32 [3, size, size], written to `out` at `offset`. */
  normalise(bytes, out, offset = 0) {
    const plane = bytes.length / 3;
    for (let c = 0; c < 3; c++) {
      const table = this.tables[c];
      const start = offset + c * plane;
      for (let i = 0, p = c; i < plane; i++, p += 3) out[start + i] = table[bytes[p]];
    }
    return out;
  }

  /** How many numbers a frame of the network's input has. */
  get length() {
    return 3 * this.rules.size ** 2;
  }
}
