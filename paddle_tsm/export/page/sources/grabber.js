// The pixels of a video's present frame, unscaled.

export class Grabber {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  }

  /** RGBA: {data, width, height}; null where the video has no frame yet. */
  frame(video) {
    const { videoWidth: width, videoHeight: height } = video;
    if (!width || !height || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.context.drawImage(video, 0, 0);
    return this.context.getImageData(0, 0, width, height);
  }
}
