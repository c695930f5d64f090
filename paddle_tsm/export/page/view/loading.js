// How far loading is.

export class Loading {
  constructor(box, text, bar) {
    Object.assign(this, { box, text, bar });
  }

  /** there, whole: bytes. */
  show(there, whole) {
    this.box.hidden = false;
    this.bar.max = whole;
    if (there) this.bar.value = there;
    this.text.textContent = there
      ? `Loading the network: ${megabytes(there)} of ${megabytes(whole)} MB.`
      : "Loading the runtime.";
  }

  hide() {
    this.box.hidden = true;
  }
}

export const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
