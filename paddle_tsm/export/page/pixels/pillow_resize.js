// Pillow's bilinear scaling of bytes (Image.resize, BILINEAR): antialiased, weights of 22 bits, and bytes between the
// two passes. Rows come first, which is bit for bit Pillow until 12. Pillow 13 does the columns of some tall pictures
// first, which changes values by one. Only the wanted window of the scaled picture is computed.

const BITS = 22;
const HALF = 2 ** (BITS - 1);

/** For each of `count` places from `first` on: the first source place, and the weights from there on. */
function taps(source, scaled, first, count) {
  const scale = source / scaled;
  const reach = Math.max(scale, 1);
  const found = [];
  for (let i = first; i < first + count; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(source, Math.trunc(centre + reach + 0.5));
    const weights = new Float64Array(end - start);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      weights[k] = Math.max(0, 1 - Math.abs((k + start - centre + 0.5) * (1 / reach)));
      sum += weights[k];
    }
    found.push({ start, weights: Int32Array.from(weights, (w) => Math.trunc(0.5 + (w / sum) * 2 ** BITS)) });
  }
  return found;
}

/** Scale the rows [top, bottom) to the places `across`: RGB bytes, or plain copies where the width stays. */
function scaledRows(image, top, bottom, across, left, size, keepsWidth) {
  const { data, width } = image;
  const rows = new Uint8ClampedArray((bottom - top) * size * 3);
  let o = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < size; x++) {
      if (keepsWidth) {
        const p = (y * width + left + x) * 4;
        rows[o++] = data[p];
        rows[o++] = data[p + 1];
        rows[o++] = data[p + 2];
        continue;
      }
      const { start, weights } = across[x];
      let r = HALF;
      let g = HALF;
      let b = HALF;
      let p = (y * width + start) * 4;
      for (let k = 0; k < weights.length; k++, p += 4) {
        r += data[p] * weights[k];
        g += data[p + 1] * weights[k];
        b += data[p + 2] * weights[k];
      }
      rows[o++] = r >> BITS;
      rows[o++] = g >> BITS;
      rows[o++] = b >> BITS;
    }
  }
  return rows;
}

/**
 * The square window of `size` at (left, top) of `image`, scaled to `width` x `height`.
 * image: {data: RGBA bytes, width, height}. Returns RGB bytes, row after row.
 */
export function pillowWindow(image, width, height, left, top, size) {
  const keepsWidth = width === image.width;
  const keepsHeight = height === image.height;
  const across = keepsWidth ? [] : taps(image.width, width, left, size);
  const down = keepsHeight ? [] : taps(image.height, height, top, size);
  const last = down[size - 1];
  const first = keepsHeight ? top : down[0].start;
  const end = keepsHeight ? top + size : last.start + last.weights.length;
  const rows = scaledRows(image, first, end, across, left, size, keepsWidth);
  if (keepsHeight) return new Uint8Array(rows.buffer);
  const line = size * 3;
  const out = new Uint8Array(size * line);
  for (let y = 0; y < size; y++) {
    const { start, weights } = down[y];
    for (let x = 0; x < line; x++) {
      let sum = HALF;
      for (let k = 0; k < weights.length; k++) sum += rows[(start - first + k) * line + x] * weights[k];
      out[y * line + x] = sum >> BITS;
    }
  }
  return out;
}
