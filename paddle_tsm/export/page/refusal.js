// Every reason for which the page cannot do what was asked, and what its visitor can do about it.

/** kind: a key of MESSAGES. detail: what the browser said. */
export class Refusal extends Error {
  constructor(kind, detail = "") {
    super(detail || kind);
    this.kind = kind;
    this.detail = detail;
  }
}

export const MESSAGES = {
  "no-webassembly": {
    title: "This browser has no WebAssembly",
    advice: "The network runs in WebAssembly with SIMD. Use a browser of 2023 or newer, and allow WebAssembly in it.",
  },
  "insecure-page": {
    title: "Browsers give no camera to this address",
    advice: "A camera needs https:// or localhost. Open the page there, or drop a video file on it.",
  },
  "no-camera": {
    title: "There is no camera",
    advice: "Connect one and try again, or drop a video file on the page.",
  },
  "no-permission": {
    title: "The camera was not allowed",
    advice: "Allow it beside the address bar and try again. The pictures do not leave this computer.",
  },
  "busy-camera": {
    title: "The camera is in use",
    advice: "Close the program that uses it and try again, or choose another camera.",
  },
  "lost-camera": {
    title: "The camera is gone",
    advice: "It was unplugged or switched off. Connect it and start it again.",
  },
  "no-video": {
    title: "This file is no video that the browser can play",
    advice: "Browsers play MP4 (H.264, AV1) and WebM (VP8, VP9, AV1). Convert the file, or choose another one.",
  },
  "no-frames": {
    title: "This file has no picture",
    advice: "It has sound only. Choose a file with a video track.",
  },
  "damaged-video": {
    title: "The video broke off",
    advice: "The file is damaged from here on. What was shown until here counts.",
  },
  "no-settings": {
    title: "The page is not complete",
    advice: "tsm.json or page.json could not be read. Copy the whole folder that paddle-tsm export wrote.",
  },
  "no-runtime": {
    title: "The runtime could not be loaded",
    advice:
      "It is missing, changed, or its address is out of reach. An export with --runtime DIR needs no other server.",
  },
  "no-model": {
    title: "The network could not be loaded",
    advice: "Look whether model.onnx lies beside the page and the server still runs, and load the page again.",
  },
  "damaged-model": {
    title: "The network is damaged",
    advice: "model.onnx is not the file that was exported. Copy it again, or export it again.",
  },
  "wrong-numbers": {
    title: "This browser computes other numbers than Python",
    advice: "The network was tried on a pattern whose answer is known. Update the browser or the graphics driver.",
  },
  "no-memory": {
    title: "There is too little memory for this network",
    advice: "Close other pages, or export a smaller network, such as tsm_mobilenet_v2.",
  },
  "failed-run": {
    title: "The network stopped",
    advice: "Load the page again. If it stops again, add ?backend=wasm to the address.",
  },
};

/** The Refusal for an error of the network's thread. task: what it was doing. */
export function runRefusal(task, error) {
  if (error instanceof Refusal) return error;
  const isMemory = error instanceof RangeError || /memory|alloc/i.test(String(error));
  return new Refusal(isMemory ? "no-memory" : task === "load" ? "no-runtime" : "failed-run", String(error));
}

/** The Refusal for an error of a camera. */
export function cameraRefusal(error) {
  const kinds = {
    NotAllowedError: "no-permission",
    SecurityError: "no-permission",
    NotFoundError: "no-camera",
    OverconstrainedError: "no-camera",
    NotReadableError: "busy-camera",
    AbortError: "busy-camera",
  };
  return new Refusal(kinds[error.name] ?? "busy-camera", `${error.name}: ${error.message}`);
}
