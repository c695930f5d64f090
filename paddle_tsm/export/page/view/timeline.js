// The last minute: a strip of pictures, and below it what the network took them for.

import { colourName, colourValue } from "./colours.js";

const SECONDS = 60;
const PICTURE_EVERY = 3; // seconds
const EVERY = 10; // seconds between two marks

export class Timeline {
  constructor(canvas, labels) {
    Object.assign(this, { canvas, labels });
    this.clear();
  }

  clear() {
    this.spans = []; // {from, to, k, probability}: neighbours of one class joined
    this.pictures = []; // {time, picture}
    this.described = -Infinity;
  }

  /** k: the most probable class at `time`, in seconds. video: what shows it. */
  add(time, k, probability, video) {
    const last = this.spans[this.spans.length - 1];
    if (last && last.k === k && time - last.to < 2) {
      last.to = time;
      last.probability = Math.max(last.probability, probability);
    } else {
      this.spans.push({ from: last && time - last.to < 2 ? last.to : time, to: time, k, probability });
    }
    if (!this.pictures.length || time - this.pictures[this.pictures.length - 1].time >= PICTURE_EVERY) {
      this.pictures.push({ time, picture: small(video) });
    }
    this.spans = this.spans.filter((span) => span.to > time - SECONDS);
    this.pictures = this.pictures.filter((one) => one.time > time - SECONDS - PICTURE_EVERY);
    this.describe(time);
    this.draw(time);
  }

  /** In words, for a screen reader. */
  describe(time) {
    if (time - this.described < 5) return;
    this.described = time;
    const seconds = new Map();
    for (const { from, to, k } of this.spans) {
      seconds.set(k, (seconds.get(k) ?? 0) + to - Math.max(from, time - SECONDS));
    }
    const longest = [...seconds].sort((a, b) => b[1] - a[1]).slice(0, 5);
    const words = longest.map(([k, length]) => `${this.labels[k]} ${length.toFixed(0)} seconds`);
    this.canvas.setAttribute("aria-label", words.join(", "));
  }

  draw(time) {
    const scale = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const x = (t) => width - ((time - t) / SECONDS) * width;
    const strip = 52; // the heights of the pictures, of the names, and of the axis
    const names = strip + 16;
    const axis = height - 18;
    for (const { time: t, picture } of this.pictures) {
      const slot = (PICTURE_EVERY / SECONDS) * width - 2;
      drawCovering(pen, picture, x(t), 0, slot, strip);
    }
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (const { from, to, k, probability } of this.spans) {
      const left = Math.max(x(from), 0);
      const wide = Math.max(x(to) - left - 1, 1);
      const high = Math.max((axis - names - 4) * probability, 2);
      pen.fillStyle = colourValue(colourName(k));
      pen.fillRect(left, axis - high, wide, high);
      if (pen.measureText(this.labels[k]).width > wide) continue;
      pen.fillStyle = colourValue("--ink");
      pen.fillText(this.labels[k], left, (strip + names) / 2 + 1);
    }
    pen.fillStyle = colourValue("--soft");
    pen.font = "11px system-ui, sans-serif";
    for (let back = EVERY; back < SECONDS; back += EVERY) {
      const place = x(time - back);
      pen.fillRect(place, axis, 1, 4);
      pen.fillText(`−${back} s`, place + 4, axis + 10);
    }
  }
}

function small(video) {
  const canvas = document.createElement("canvas");
  canvas.height = 96;
  canvas.width = Math.max(1, Math.round((96 * video.videoWidth) / video.videoHeight));
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Draw the middle of a picture so that it fills the slot. */
function drawCovering(pen, picture, left, top, width, height) {
  const scale = Math.max(width / picture.width, height / picture.height);
  const w = width / scale;
  const h = height / scale;
  pen.drawImage(picture, (picture.width - w) / 2, (picture.height - h) / 2, w, h, left, top, width, height);
}
