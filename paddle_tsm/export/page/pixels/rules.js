// The rules of the presets by the names that they have in paddle_tsm/data: resize.py, crops.py, normalise.py.

import { opencvWindow } from "./opencv_resize.js";
import { pillowWindow } from "./pillow_resize.js";
import { roundHalfEven } from "./rounding.js";

/** Each: (width, height, short) -> the size of the scaled picture, and what scales it. */
export const RESIZE = {
  opencv_short(width, height, short) {
    const scale = short / Math.min(height, width);
    return [Math.trunc(width * scale + 0.5), Math.trunc(height * scale + 0.5), opencvWindow];
  },
  pillow_short(width, height, short) {
    return width <= height
      ? [short, Math.trunc((short * height) / width), pillowWindow]
      : [Math.trunc((short * width) / height), short, pillowWindow];
  },
  pillow_four_thirds(width, height, short) {
    if (Math.min(height, width) === short) return [width, height, pillowWindow];
    const long = Math.trunc((short * 4.0) / 3.0);
    return width <= height ? [short, long, pillowWindow] : [long, short, pillowWindow];
  },
};

/** Each: (length of an edge, size of the crop) -> where the crop begins. */
export const CROP = {
  centre_floor: (length, size) => Math.floor((length - size) / 2),
  centre_round: (length, size) => roundHalfEven((length - size) / 2),
};

const f = Math.fround; // Python computes in float32
const MEAN_255 = [123.675, 116.28, 103.53].map(f);
const STD_255 = [58.395, 57.12, 57.375].map(f);
const MEAN_1 = [0.485, 0.456, 0.406].map(f);
const STD_1 = [0.229, 0.224, 0.225].map(f);

/** Each: (byte, channel) -> the network's input. */
export const NORMALISE = {
  normalise_255: (byte, c) => f(f(byte - MEAN_255[c]) / STD_255[c]),
  normalise_1: (byte, c) => f(f(f(byte / 255) - MEAN_1[c]) / STD_1[c]),
};
