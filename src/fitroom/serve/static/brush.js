// Editing a garment's mask: the garment with what is left out dimmed, and a round brush.

import { findMask } from "./service.js";

const dialog = document.getElementById("mask-dialog");
const canvas = document.getElementById("mask-canvas");
const size = document.getElementById("brush-size");
const view = canvas.getContext("2d");

let picture, mask, undone, cursor;

const erases = () => dialog.querySelector("input[name=brush]:checked").value === "erase";

const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

// A mask is kept as a canvas whose alpha is the mask.
async function maskFrom(blob, width, height) {
  const bitmap = await createImageBitmap(blob);
  const made = canvasOf(width, height);
  const paint = made.getContext("2d", { willReadFrequently: true });
  paint.drawImage(bitmap, 0, 0, width, height);
  const pixels = paint.getImageData(0, 0, width, height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i] > 127 ? 255 : 0;
  paint.putImageData(pixels, 0, 0);
  return made;
}

function show() {
  view.globalCompositeOperation = "copy";
  view.drawImage(mask, 0, 0);
  view.globalCompositeOperation = "source-in";
  view.drawImage(picture, 0, 0);
  view.globalCompositeOperation = "destination-over";
  view.fillStyle = "rgb(190 60 90 / .55)";
  view.fillRect(0, 0, canvas.width, canvas.height);
  view.drawImage(picture, 0, 0);
  view.globalCompositeOperation = "source-over";
  if (cursor) {
    view.beginPath();
    view.arc(cursor.x, cursor.y, radius(), 0, 7);
    view.lineWidth = Math.max(1, canvas.width / 300);
    view.strokeStyle = "#111";
    view.stroke();
  }
}

const radius = () => Number(size.value) / 2 * canvas.width / 400;

function stroke(from, to) {
  const paint = mask.getContext("2d");
  paint.globalCompositeOperation = erases() ? "destination-out" : "source-over";
  paint.strokeStyle = "#fff";
  paint.lineCap = "round";
  paint.lineWidth = 2 * radius();
  paint.beginPath();
  paint.moveTo(from.x, from.y);
  paint.lineTo(to.x, to.y + .01);
  paint.stroke();
  show();
}

function remember() {
  const copy = canvasOf(mask.width, mask.height);
  copy.getContext("2d").drawImage(mask, 0, 0);
  undone.push(copy);
  if (undone.length > 20) undone.shift();
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
}

canvas.addEventListener("pointerdown", event => {
  canvas.setPointerCapture(event.pointerId);
  remember();
  cursor = place(event);
  stroke(cursor, cursor);
});
canvas.addEventListener("pointermove", event => {
  const to = place(event);
  if (event.buttons) stroke(cursor || to, to);
  cursor = to;
  show();
});
canvas.addEventListener("keydown", event => {
  const step = canvas.width / 40;
  const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  cursor ||= { x: canvas.width / 2, y: canvas.height / 2 };
  if (event.key === " ") { remember(); stroke(cursor, cursor); }
  else if (move) { cursor = { x: cursor.x + move[0], y: cursor.y + move[1] }; show(); }
  else return;
  event.preventDefault();
});
document.getElementById("mask-undo").addEventListener("click", () => {
  if (undone.length) { mask = undone.pop(); show(); }
});

function saved() {
  const made = canvasOf(mask.width, mask.height);
  const paint = made.getContext("2d");
  paint.fillRect(0, 0, made.width, made.height);
  paint.drawImage(mask, 0, 0);
  return new Promise(resolve => made.toBlob(resolve, "image/png"));
}

// Let the user mend the mask of a garment's picture; the new mask as PNG, or null where it stays as it was.
// Where none is found by itself, painting begins with none.
export async function editMask(blob, known) {
  picture = await createImageBitmap(blob);
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const found = async () => {
    try {
      return await maskFrom(await findMask(blob), picture.width, picture.height);
    } catch (problem) {
      if (problem.status !== 422) throw problem;
      return canvasOf(picture.width, picture.height);
    }
  };
  mask = known ? await maskFrom(known, picture.width, picture.height) : await found();
  [undone, cursor] = [[], null];
  show();
  dialog.showModal();
  canvas.focus();
  return new Promise(resolve => {
    const listeners = new AbortController();
    const end = async value => {
      listeners.abort();
      dialog.close();
      resolve(await value);
    };
    const on = (name, event, act) => document.getElementById(name).addEventListener(event, act, { signal: listeners.signal });
    on("mask-save", "click", () => end(saved()));
    on("mask-close", "click", () => end(null));
    on("mask-dialog", "cancel", () => end(null));
    on("mask-found", "click", async () => { remember(); mask = await found(); show(); });
  });
}
