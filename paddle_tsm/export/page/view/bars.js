// The most probable classes as bars that change their places as they overtake each other.

import { topClasses } from "../scores.js";
import { colourName } from "./colours.js";

const ROWS = 5;

export class Bars {
  /** list: <ol>, for the eye. text: the same in words, for a screen reader. */
  constructor(list, text, labels) {
    Object.assign(this, { list, text, labels });
    this.rows = new Map();
    this.spoken = 0;
    list.style.setProperty("--rows", Math.min(ROWS, labels.length));
  }

  clear() {
    this.rows.forEach((row) => row.remove());
    this.rows.clear();
    this.text.textContent = "";
  }

  show(probabilities) {
    const best = topClasses(probabilities, ROWS);
    for (const [k, row] of this.rows) {
      if (best.includes(k)) continue;
      row.remove();
      this.rows.delete(k);
    }
    best.forEach((k, rank) => {
      if (!this.rows.has(k)) this.rows.set(k, this.add(k));
      const row = this.rows.get(k);
      row.style.setProperty("--rank", rank);
      row.querySelector(".share").textContent = percent(probabilities[k]);
      row.querySelector(".bar").style.transform = `scaleX(${probabilities[k]})`;
    });
    if (performance.now() > this.spoken + 1000) {
      this.spoken = performance.now();
      this.text.textContent = best.map((k) => `${this.labels[k]}: ${percent(probabilities[k])}`).join(", ");
    }
  }

  add(k) {
    const row = document.createElement("li");
    const line = part("row", part("name", this.labels[k]), part("share"));
    const bar = part("bar");
    row.append(line, part("track", bar));
    bar.style.setProperty("--colour", `var(${colourName(k)})`);
    this.list.append(row);
    return row;
  }
}

const percent = (p) => `${(100 * p).toFixed(1)} %`;

function part(name, ...content) {
  const element = document.createElement("div");
  element.className = name;
  element.append(...content);
  return element;
}
