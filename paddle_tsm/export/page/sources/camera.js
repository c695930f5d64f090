// A camera as the video's source.

import { Refusal, cameraRefusal } from "../refusal.js";

/** Show the camera in `video`. device: its id, or "" for the usual one. lost(refusal): called when it goes away. */
export async function openCamera(video, device, lost) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Refusal("insecure-page", location.origin);
  const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  if (device) wanted.deviceId = { exact: device };
  else wanted.facingMode = { ideal: "user" };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false }).catch((error) => {
    throw cameraRefusal(error);
  });
  const [track] = stream.getVideoTracks();
  track.addEventListener("ended", () => lost(new Refusal("lost-camera", track.label)));
  video.srcObject = stream;
  await video.play();
  return { device: track.getSettings().deviceId ?? "", close: () => stream.getTracks().forEach((one) => one.stop()) };
}

/** The cameras: {id, name}. Browsers tell their names once one of them was allowed. */
export async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === "videoinput" && deviceId)
    .map(({ deviceId, label }, i) => ({ id: deviceId, name: label || `Camera ${i + 1}` }));
}
