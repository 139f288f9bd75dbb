// Taking a photo.

const dialog = document.getElementById("camera-dialog");
const view = document.getElementById("camera-view");

// The photo that the user takes, as JPEG; null where none is taken. Rejects where there is no camera.
export async function takePhoto() {
  if (!navigator.mediaDevices) throw new Error("no camera");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", height: { ideal: 1440 } } });
  view.srcObject = stream;
  await view.play();
  dialog.showModal();
  return new Promise(resolve => {
    const listeners = new AbortController();
    const end = photo => {
      listeners.abort();
      for (const track of stream.getTracks()) track.stop();
      dialog.close();
      resolve(photo);
    };
    const on = (name, event, act) => document.getElementById(name).addEventListener(event, act, { signal: listeners.signal });
    on("camera-close", "click", () => end(null));
    on("camera-dialog", "cancel", () => end(null));
    on("camera-take", "click", () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: view.videoWidth, height: view.videoHeight });
      canvas.getContext("2d").drawImage(view, 0, 0);
      canvas.toBlob(end, "image/jpeg", .95);
    });
  });
}
