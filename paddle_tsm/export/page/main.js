// The page: its buttons, and what they start.

import { isolate } from "./isolation.js";
import { Network } from "./network/network.js";
import { checkWebAssembly } from "./network/runtime.js";
import { Recognition } from "./recognition.js";
import { readSettings } from "./settings.js";
import { listCameras, openCamera } from "./sources/camera.js";
import { everyFrame } from "./sources/frames.js";
import { Grabber } from "./sources/grabber.js";
import { openFile } from "./sources/video_file.js";
import { Bars } from "./view/bars.js";
import { Loading } from "./view/loading.js";
import { Message } from "./view/message.js";
import { Meters } from "./view/meters.js";
import { markSeen } from "./view/seen.js";
import { Timeline } from "./view/timeline.js";

const $ = (id) => document.getElementById(id);
const video = $("video");
const message = new Message($("message"), $("message-title"), $("message-advice"), $("message-detail"));
const loading = new Loading($("loading"), $("loading-text"), $("loading-bar"));
const meters = new Meters($("rate"), $("milliseconds"), $("left-out"));
const grabber = new Grabber();
const LARGE = 50e6; // bytes; a larger network is loaded when it is asked for
const HELD = 1000; // milliseconds that a class has to stay before it is announced

let settings, recognition, bars, timeline;
let ready = null; // a promise: runtime and network are loaded
let source = null; // {close}: the camera or the file
let shown = { k: -1, since: 0, announced: -1 };

function refuse(refusal) {
  loading.hide();
  message.show(refusal);
  document.body.dataset.state = "refused";
}

/** Load runtime and network, once. */
function load() {
  ready ??= (async () => {
    const { bytes } = settings.model;
    const network = new Network((there) => loading.show(there, bytes));
    loading.show(0, bytes);
    const asked = Object.fromEntries(new URLSearchParams(location.search));
    const wanted = { backend: asked.backend, threads: Number(asked.threads) };
    const { backend, threads, difference } = await network.load(settings, wanted);
    recognition = new Recognition(settings, network);
    recognition.window.seconds = Number($("seconds").value);
    loading.hide();
    const words = backend === "webgpu" ? "WebGPU" : `WebAssembly, ${threads} thread${threads > 1 ? "s" : ""}`;
    $("runs-on").textContent = `${settings.arch} on ${words}, equal to Python within ${difference.toExponential(0)}`;
    if (document.body.dataset.state === "idle") document.body.dataset.state = "ready";
  })();
  return ready;
}

async function onFrame() {
  if (!recognition || video.paused || document.body.dataset.state !== "running") return;
  const image = grabber.frame(video);
  if (!image) return;
  const time = performance.now() / 1000;
  let step;
  try {
    step = await recognition.take(image, time);
  } catch (refusal) {
    stop();
    refuse(refusal);
    return;
  }
  if (document.body.dataset.state !== "running") return;
  if (!step) {
    if (recognition.isStream) meters.leaveOut();
    return;
  }
  show(step, time);
  // for other scripts of a page that embeds this one, and for tests
  document.dispatchEvent(new CustomEvent("tsm-step", { detail: step }));
}

function show({ probabilities, milliseconds }, time) {
  bars.show(probabilities);
  const k = probabilities.indexOf(Math.max(...probabilities));
  if (k !== shown.k) shown = { ...shown, k, since: performance.now() };
  $("label").textContent = settings.labels[k];
  if (shown.announced !== k && performance.now() > shown.since + HELD) {
    shown.announced = k;
    $("announced").textContent = settings.labels[k];
  }
  timeline.add(time, k, probabilities[k], video);
  meters.add(performance.now() / 1000, milliseconds);
  markSeen($("seen"), video, settings.pixels);
}

function stop() {
  source?.close();
  source = null;
  video.pause();
  video.srcObject = null;
  video.removeAttribute("src");
  $("pause").disabled = true;
  $("seen").hidden = true;
}

/** Show what `open` opens, and recognise it from its first frame on. */
async function start(open) {
  message.hide();
  stop();
  document.body.dataset.state = "opening";
  $("invitation").hidden = true;
  bars.clear();
  timeline.clear();
  meters.clear();
  shown = { k: -1, since: 0, announced: -1 };
  $("label").textContent = "\u00a0";
  try {
    source = await open();
    await load();
    await recognition.reset();
    document.body.dataset.state = "running";
    showPaused(false);
    $("pause").disabled = false;
    await video.play();
  } catch (refusal) {
    stop();
    $("invitation").hidden = false;
    refuse(refusal);
  }
}

const lost = (refusal) => {
  stop();
  refuse(refusal);
};

async function startCamera(device) {
  await start(() => openCamera(video, device, lost));
  const cameras = await listCameras();
  $("cameras-field").hidden = cameras.length < 1 || !source;
  $("cameras").replaceChildren(...cameras.map(({ id, name }) => new Option(name, id, false, id === source?.device)));
}

function startFile(file) {
  if (!file) return;
  $("cameras-field").hidden = true;
  start(() => openFile(video, file, lost));
}

function showPaused(paused) {
  $("pause").textContent = paused ? (video.ended ? "Play again" : "Go on") : "Pause";
  $("pause").setAttribute("aria-pressed", paused);
}

function togglePause() {
  if (!source) return;
  if (video.ended) recognition.reset();
  if (video.paused) video.play();
  else video.pause();
  showPaused(video.paused);
}

function connect() {
  $("use-camera").addEventListener("click", () => startCamera($("cameras").value));
  $("cameras").addEventListener("change", () => startCamera($("cameras").value));
  $("choose-file").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => startFile($("file").files[0]));
  $("pause").addEventListener("click", togglePause);
  $("seconds").addEventListener("change", () => {
    if (recognition) recognition.window.seconds = Number($("seconds").value);
  });
  video.addEventListener("ended", () => showPaused(true));
  addEventListener("resize", () => markSeen($("seen"), video, settings.pixels));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return;
    if (event.key === " " && event.target.closest("button")) return; // the button's own
    const keys = { c: $("use-camera"), o: $("choose-file"), " ": $("pause") };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key].click();
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    startFile(event.dataTransfer.files[0]);
  });
  everyFrame(video, onFrame);
}

async function begin() {
  checkWebAssembly();
  if (await isolate()) return;
  settings = await readSettings();
  bars = new Bars($("bars"), $("bars-text"), settings.labels);
  timeline = new Timeline($("timeline"), settings.labels);
  const { size } = settings.pixels;
  const what = settings.kind === "stream" ? "frame by frame" : `in clips of ${settings.frames} frames`;
  const pixels = `${size} × ${size} pixels as ${settings.preset} makes them`;
  $("about").textContent = `${settings.name}, ${settings.arch}, ${what}, ${pixels}`;
  $("knows").textContent = `It knows ${settings.labels.length} classes: ${settings.labels.join(", ")}.`;
  $("label").textContent = "Ready when you are.";
  $("seconds-field").hidden = settings.kind === "stream";
  connect();
  for (const id of ["use-camera", "choose-file"]) $(id).disabled = false;
  document.body.dataset.state = "idle";
  if (settings.model.bytes < LARGE) await load();
  else loading.hide();
}

begin().catch(refuse);
