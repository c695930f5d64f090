// A file as the video's source.

import { Refusal } from "../refusal.js";

/** Show the first picture of `file` in `video`. broken(refusal): called where it cannot be decoded to its end. */
export async function openFile(video, file, broken) {
  const address = URL.createObjectURL(file);
  const detail = () => `${file.name}: ${video.error?.message || "cannot be played"}`;
  const opened = new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(new Refusal("no-video", detail())), { once: true });
    // a file of sound alone never gets to a picture
    video.addEventListener("loadedmetadata", () => video.videoWidth || reject(new Refusal("no-frames", file.name)), {
      once: true,
    });
  });
  video.src = address;
  const close = () => URL.revokeObjectURL(address);
  try {
    await opened;
  } catch (refusal) {
    close();
    throw refusal;
  }
  const onError = () => broken(new Refusal("damaged-video", detail()));
  video.addEventListener("error", onError);
  return { close: () => (video.removeEventListener("error", onError), close()) };
}
