// A refusal, for the eye and for a screen reader.

import { MESSAGES } from "../refusal.js";

export class Message {
  constructor(box, title, advice, detail) {
    Object.assign(this, { box, title, advice, detail });
  }

  hide() {
    this.box.hidden = true;
  }

  /** refusal: a Refusal, or any other error. */
  show(refusal) {
    const { title, advice } = MESSAGES[refusal.kind] ?? MESSAGES["failed-run"];
    this.box.hidden = false;
    this.box.dataset.kind = refusal.kind ?? "failed-run";
    this.title.textContent = title;
    this.advice.textContent = advice;
    this.detail.textContent = refusal.detail ?? String(refusal);
  }
}
