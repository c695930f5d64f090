// Marks the square of the picture that the network sees.

/** box: the element. pixels: {resize, short, size} of page.json. */
export function markSeen(box, video, { resize, short, size }) {
  const { videoWidth, videoHeight, clientWidth, clientHeight } = video;
  box.hidden = !videoWidth;
  if (!videoWidth) return;
  const shown = Math.min(clientWidth / videoWidth, clientHeight / videoHeight);
  const edge = (size / short) * Math.min(videoWidth, videoHeight) * shown;
  // a fixed ratio of 4:3 squeezes the picture, so that the square is none in it
  const squeezed = resize === "pillow_four_thirds" && Math.min(videoWidth, videoHeight) !== short;
  const long = squeezed ? ((size / short) * 0.75 * Math.max(videoWidth, videoHeight) * shown) : edge;
  const wide = videoWidth > videoHeight ? long : edge;
  const high = videoWidth > videoHeight ? edge : long;
  Object.assign(box.style, {
    width: `${wide}px`,
    height: `${high}px`,
    left: `${video.offsetLeft + (clientWidth - wide) / 2}px`,
    top: `${video.offsetTop + (clientHeight - high) / 2}px`,
  });
}
