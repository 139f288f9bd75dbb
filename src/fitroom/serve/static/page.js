// The page: a person, a rail of garments, and a look for every garment that is chosen.

import { editMask } from "./brush.js";
import { takePhoto } from "./camera.js";
import { card } from "./card.js";
import * as service from "./service.js";
import { problemText, switchLanguage, tell, word } from "./words.js";

const element = id => document.getElementById(id);
const make = (kind, fields = {}, ...children) => {
  const made = Object.assign(document.createElement(kind), fields);
  made.append(...children);
  return made;
};

let person = null; // { photo: Blob, url, name, token: Promise of the service's token }
const garments = []; // { name(): text, picture: Blob or id: text, url, mask: Blob, card, tile }

function complain(problem) {
  element("problem").textContent = problemText(problem);
  element("problem").hidden = false;
  element("problem").scrollIntoView({ block: "nearest" });
}

// Do something for the user; what goes wrong is said.
async function attempt(act) {
  element("problem").hidden = true;
  try {
    return await act();
  } catch (problem) {
    complain(problem);
  }
}

function keep(photo) {
  const token = service.sendPerson(photo);
  token.catch(() => {}); // whoever awaits it hears of it
  return token;
}

function setPerson(photo) {
  return attempt(async () => {
    const token = keep(photo);
    await token;
    const before = person;
    person = { photo, url: URL.createObjectURL(photo), token };
    element("photo").src = person.url;
    element("photo").alt = word("photo");
    element("photo").hidden = false;
    if (before) {
      before.token.then(service.forgetPerson, () => {});
      URL.revokeObjectURL(before.url);
    }
    await Promise.all(garments.filter(garment => garment.card).map(dress));
  });
}

async function makeLook(garment) {
  try {
    return await service.look(await person.token, garment);
  } catch (problem) {
    if (problem.code !== "unknown-person") throw problem;
    person.token = keep(person.photo); // it was forgotten in the meantime
    return service.look(await person.token, garment);
  }
}

function dress(garment) {
  return attempt(async () => {
    const worn = garment.card;
    worn.busy();
    try {
      const [look, shown] = [await makeLook(garment), person];
      if (worn !== garment.card || shown !== person) return;
      worn.show(shown.url, look);
      element("status").textContent = word("ready", garment.name());
    } catch (problem) {
      if (worn === garment.card) choose(garment, false);
      throw problem;
    }
  });
}

function choose(garment, chosen) {
  garment.tile.setAttribute("aria-pressed", String(chosen));
  if (!chosen) {
    garment.card?.remove();
    garment.card = null;
  } else {
    garment.card = card(garment.name, () => choose(garment, false));
    element("cards").prepend(garment.card.element);
    if (person) dress(garment);
  }
  element("looks-hint").hidden = Boolean(element("cards").children.length && person);
}

function mend(garment) {
  return attempt(async () => {
    const picture = garment.picture || await service.registeredPicture(garment.id);
    const mask = await editMask(picture, garment.mask);
    if (!mask) return;
    [garment.picture, garment.id, garment.mask] = [picture, undefined, mask];
    if (garment.card && person) await dress(garment);
    else choose(garment, true);
  });
}

function addGarment(garment, first = false) {
  const image = make("img", { src: garment.url, alt: "" });
  garment.tile = make("button", { type: "button", className: "tile", onclick: () => choose(garment, !garment.card) }, image);
  garment.tile.setAttribute("aria-pressed", "false");
  const edit = make("button", { type: "button", className: "small", onclick: () => mend(garment) });
  garment.tell = () => {
    garment.tile.setAttribute("aria-label", garment.name());
    edit.textContent = word("editMask");
    edit.setAttribute("aria-label", word("editMaskOf", garment.name()));
    garment.card?.tell();
  };
  garment.tell();
  garments.push(garment);
  element("garments")[first ? "prepend" : "append"](make("li", {}, garment.tile, edit));
}

function addOwn(files) {
  for (const picture of files) {
    const number = garments.filter(garment => garment.own).length + 1;
    const garment = { own: true, name: () => word("ownGarment", number), picture, url: URL.createObjectURL(picture) };
    addGarment(garment, true);
    choose(garment, true);
  }
}

async function addSamples() {
  const { persons, garments: names } = await service.samples();
  persons.forEach((name, number) => {
    const image = make("img", { src: `/samples/${name}`, alt: "" });
    const tile = make("button", { type: "button", className: "tile", onclick: async () => setPerson(await service.file(`/samples/${name}`)) }, image);
    tile.dataset.sample = number + 1;
    element("persons").append(make("li", {}, tile));
  });
  for (const [number, name] of names.entries()) {
    const picture = await service.file(`/samples/${name}`);
    addGarment({ name: () => word("sampleGarment", number + 1), picture, url: URL.createObjectURL(picture) });
  }
}

async function addRegistered() {
  for (const { id } of await service.registered()) {
    const url = URL.createObjectURL(await service.registeredPicture(id));
    addGarment({ name: () => id, id, url });
  }
}

function tellAll() {
  tell();
  for (const tile of element("persons").querySelectorAll("button")) tile.setAttribute("aria-label", word("samplePerson", tile.dataset.sample));
  for (const garment of garments) garment.tell();
}

function takesDrops(id, take) {
  const zone = element(id);
  zone.addEventListener("dragover", event => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", event => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
}

function takesFiles(id, take) {
  element(id).addEventListener("change", event => {
    take([...event.target.files]);
    event.target.value = "";
  });
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

element("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  setTheme(dark === "dark" ? "light" : "dark");
});
element("language").addEventListener("click", () => { switchLanguage(); tellAll(); });
element("camera").addEventListener("click", () => attempt(async () => {
  const photo = await takePhoto().catch(() => { throw { code: "no-camera", detail: word("noCamera") }; });
  if (photo) await setPerson(photo);
}));
for (const [zone, field, take] of [["person", "photo-file", files => setPerson(files[0])], ["wardrobe", "garment-file", addOwn]]) {
  takesDrops(zone, take);
  takesFiles(field, take);
}

if (localStorage.getItem("theme")) setTheme(localStorage.getItem("theme"));
tell();
await attempt(addSamples);
await attempt(addRegistered);
tellAll();
