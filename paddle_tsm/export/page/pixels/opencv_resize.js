// OpenCV's bilinear scaling of bytes (cv2.resize, INTER_LINEAR), bit for bit: weights of 11 bits, and no antialiasing.
// Only the wanted window of the scaled picture is computed.

import { roundHalfEven } from "./rounding.js";

const ONE = 2048; // a weight of 1

/** For each of `count` places from `first` on: the two source places and their weights. */
function taps(source, scaled, first, count, isRow) {
  const scale = 1 / (scaled / source);
  const near = new Int32Array(count);
  const far = new Int32Array(count);
  const nearWeight = new Int32Array(count);
  const farWeight = new Int32Array(count);
  const last = source - 1;
  for (let i = 0; i < count; i++) {
    const place = Math.fround((first + i + 0.5) * scale - 0.5);
    let low = Math.floor(place);
    let rest = Math.fround(place - low);
    // OpenCV drops the fraction at the ends of a row and not at those of a column; there both rows are the same one
    if (!isRow && (low < 0 || low >= last)) {
      low = Math.min(Math.max(low, 0), last);
      rest = 0;
    }
    near[i] = Math.min(Math.max(low, 0), last);
    far[i] = Math.min(Math.max(low + 1, 0), last);
    nearWeight[i] = roundHalfEven(Math.fround(Math.fround(1 - rest) * ONE));
    farWeight[i] = roundHalfEven(Math.fround(rest * ONE));
  }
  return { near, far, nearWeight, farWeight };
}

/**
 * The square window of `size` at (left, top) of `image`, scaled to `width` x `height`.
 * image: {data: RGBA bytes, width, height}. Returns RGB bytes, row after row.
 */
export function opencvWindow(image, width, height, left, top, size) {
  const { data } = image;
  const across = taps(image.width, width, left, size, false);
  const down = taps(image.height, height, top, size, true);
  const unscaled = width === image.width && height === image.height;
  const out = new Uint8Array(size * size * 3);
  let o = 0;
  for (let y = 0; y < size; y++) {
    const upper = down.near[y] * image.width;
    const lower = down.far[y] * image.width;
    const b0 = down.nearWeight[y];
    const b1 = down.farWeight[y];
    for (let x = 0; x < size; x++) {
      const a = across.near[x];
      const b = across.far[x];
      const a0 = across.nearWeight[x];
      const a1 = across.farWeight[x];
      for (let c = 0; c < 3; c++) {
        if (unscaled) {
          out[o++] = data[(upper + a) * 4 + c];
          continue;
        }
        const over = data[(upper + a) * 4 + c] * a0 + data[(upper + b) * 4 + c] * a1;
        const under = data[(lower + a) * 4 + c] * a0 + data[(lower + b) * 4 + c] * a1;
        out[o++] = (((b0 * (over >> 4)) >> 16) + ((b1 * (under >> 4)) >> 16) + 2) >> 2;
      }
    }
  }
  return out;
}
