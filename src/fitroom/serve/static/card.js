// One look: before and after under a slider, to download or take off.

import { warningText, word } from "./words.js";

const TEMPLATE = document.createElement("template");
TEMPLATE.innerHTML = `
<li class="card busy">
  <div class="compare"></div>
  <p class="warnings" hidden></p>
  <p class="scale"><span></span><span></span></p>
  <div class="buttons"><a class="button"></a><button type="button"></button></div>
</li>`;

// A card for the look with a garment; `name` gives its name in the page's language, `takeOff` is called to remove it.
export function card(name, takeOff) {
  const element = TEMPLATE.content.firstElementChild.cloneNode(true);
  const compare = element.querySelector(".compare");
  const [before, after] = element.querySelectorAll(".scale span");
  const [download, remove] = element.querySelectorAll(".buttons > *");
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 0 });
  const warned = element.querySelector(".warnings");
  let url = null;
  let warnings = [];
  remove.addEventListener("click", takeOff);
  slider.addEventListener("input", () => compare.style.setProperty("--at", `${slider.value}%`));

  function picture(source, className, text) {
    return Object.assign(document.createElement("img"), { src: source, className, alt: text });
  }

  function tell() {
    compare.querySelector(".after")?.setAttribute("alt", word("look", name()));
    [before.textContent, after.textContent] = [word("before"), word("after")];
    slider.setAttribute("aria-label", word("compare", name()));
    download.textContent = word("download");
    download.setAttribute("aria-label", word("downloadOf", name()));
    remove.textContent = word("takeOff");
    remove.setAttribute("aria-label", word("takeOffOf", name()));
    warned.textContent = warnings.map(warningText).join(" ");
    warned.hidden = !warnings.length;
    if (element.classList.contains("busy")) compare.textContent = word("working");
  }

  function busy() {
    element.classList.add("busy");
    warnings = [];
    download.hidden = true;
    compare.replaceChildren();
    tell();
  }

  function show(photo, look) {
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(look.picture);
    warnings = look.warnings;
    element.classList.remove("busy");
    const edge = Object.assign(document.createElement("span"), { className: "edge" });
    compare.replaceChildren(picture(url, "after", ""), picture(photo, "before", ""), edge, slider);
    Object.assign(download, { href: url, download: "look.png", hidden: false });
    tell();
  }

  busy();
  return { element, busy, show, tell, remove: () => { element.remove(); if (url) URL.revokeObjectURL(url); } };
}
