// Files that are what the export says they are, or none at all.

import { Refusal } from "../refusal.js";

/** The content of a file. integrity: its hash as in <script integrity>, which the browser compares. */
export async function fetchChecked(url, integrity, kind) {
  let response;
  try {
    response = await fetch(url, { integrity, credentials: "omit" });
  } catch (error) {
    // a wrong hash, a refused connection and a broken one look alike to a page
    throw new Refusal(kind, `${url}: ${error.message}`);
  }
  if (!response.ok) throw new Refusal(kind, `${url}: the server answered ${response.status}`);
  return response.arrayBuffer();
}

/** The content of a large file, telling how much of it is there: progress(bytes). length: of the whole file. */
export async function fetchLarge(url, length, sha256, progress) {
  let response;
  try {
    response = await fetch(url, { credentials: "omit" });
  } catch (error) {
    throw new Refusal("no-model", `${url}: ${error.message}`);
  }
  if (!response.ok) throw new Refusal("no-model", `${url}: the server answered ${response.status}`);
  const whole = new Uint8Array(length);
  let there = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw new Refusal("no-model", `${url}: ${error.message}`);
    });
    if (done) break;
    if (there + value.length > length) throw new Refusal("damaged-model", `${url}: longer than ${length} bytes`);
    whole.set(value, there);
    there += value.length;
    progress(there);
  }
  if (there !== length) throw new Refusal("damaged-model", `${url}: ${there} bytes, wanted ${length}`);
  if (crypto.subtle) {
    const found = hex(await crypto.subtle.digest("SHA-256", whole));
    if (found !== sha256) throw new Refusal("damaged-model", `${url}: another SHA-256 than tsm.json says`);
  }
  return whole;
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
