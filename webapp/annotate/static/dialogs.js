// Windows over the page. Each returns a promise: the name of the button, or "" when it was closed.

import { byId, element, many } from "./dom.js";
import { paintSmall } from "./painter.js";

const KEYS = [
  ["drag", "draw a box; on a selected box: move it, by its handles: resize it (shift: draw inside it)"],
  ["click", "select a box"],
  ["wheel, two fingers", "zoom; right or middle button, two fingers, or space and drag: pan"],
  ["n", "next picture, saves"], ["p", "previous picture, saves"],
  ["u / r", "undo / redo (also ctrl z, ctrl y)"], ["d", "delete the selected box"],
  ["c", "copy the boxes of the previous picture; in a video, follow them into this one"],
  ["1 ... 9, 0", "class of the selected box; without one: class of the boxes drawn next"],
  ["arrows", "move the selected box by a pixel, with shift its lower right corner; with ctrl ten pixels"],
  ["tab", "next box (shift: previous)"], ["t", "tighten: sides to the nearest proposal of step 1"],
  ["a", "accept the selected suggestion, or all of them"], ["f, + -, h", "whole picture, zoom, pan with one finger"],
  ["s", "save now"], ["q", "save and quit"],
];

/** Show a window; `buttons`: [[name, text, is main], ...]. `body`: elements or texts. */
export function open(title, body, buttons = [["ok", "Close", true]], { keep = false } = {}) {
  const dialog = byId("dialog");
  if (dialog.open) dialog.close("");
  byId("dialog-title").textContent = title;
  byId("dialog-body").replaceChildren(...body.map((each) => (typeof each === "string" ? element("p", {}, each) : each)));
  return new Promise((resolve) => {
    const made = buttons.map(([name, text, main]) =>
      element("button", { class: main ? "main" : null, id: `dialog-${name}`, onclick: () => dialog.close(name) }, text));
    byId("dialog-buttons").replaceChildren(...made);
    dialog.returnValue = "";
    dialog.oncancel = (event) => keep && event.preventDefault();
    dialog.onclose = () => resolve(dialog.returnValue);
    dialog.showModal();
    (made.find((button) => button.classList.contains("main")) ?? made.at(-1))?.focus();
  });
}

export function help() {
  const rows = KEYS.map(([key, text]) => element("tr", {}, element("td", {}, element("kbd", {}, key)), element("td", {}, text)));
  return open("Mouse, fingers and keys", [element("table", {}, element("tbody", {}, ...rows))]);
}

/** Two versions of one picture; "mine", "theirs", "both" or "". */
export function conflict(name, picture, image, mine, theirs, colours) {
  const side = (title, items) => {
    const canvas = element("canvas", { width: 760, height: Math.round((760 * picture.height) / picture.width) });
    paintSmall(canvas, image, picture.width, picture.height, items, colours);
    return element("figure", {}, canvas, element("figcaption", {}, element("b", {}, title), ` ${many(items.length, "box", "boxes")}${names(items)}`));
  };
  return open(`${name} was saved by somebody else meanwhile`, [
    "In another tab, or by another person. Nothing is lost: choose what to save.",
    element("div", { class: "sides" }, side("Yours", mine), side("Theirs", theirs)),
  ], [["cancel", "Decide later"], ["theirs", "Take theirs"], ["both", "Keep all boxes"], ["mine", "Save yours", true]]);
}

/** ": 2 cat, 1 no class". */
function names(items) {
  const counts = new Map();
  for (const { label } of items) counts.set(label || "no class", (counts.get(label || "no class") ?? 0) + 1);
  return items.length ? `: ${[...counts].map(([label, count]) => `${count} ${label}`).join(", ")}` : "";
}
