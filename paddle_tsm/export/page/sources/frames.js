// Calls back for every new frame that a video shows.

/** Returns a function that ends it. callback: (time of the video in seconds). */
export function everyFrame(video, callback) {
  let ended = false;
  if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
    const next = (_, frame) => {
      if (ended) return;
      video.requestVideoFrameCallback(next);
      callback(frame.mediaTime);
    };
    video.requestVideoFrameCallback(next);
  } else {
    let last = -1;
    const look = () => {
      if (ended) return;
      requestAnimationFrame(look);
      if (video.currentTime !== last && !video.paused) callback((last = video.currentTime));
    };
    requestAnimationFrame(look);
  }
  return () => (ended = true);
}
