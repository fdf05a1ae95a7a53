// What the modules of the page share: the picture's view and editor, the list, the panel, and messages to the user.

import { Failure } from "./api.js";
import { Colours } from "./colours.js";
import { byId, element } from "./dom.js";
import { Editor } from "./editor.js";
import { Painter } from "./painter.js";
import { Panel } from "./panel.js";
import { Sidebar } from "./sidebar.js";
import { View } from "./view.js";

export const canvas = byId("canvas");
export const view = new View();
export const colours = new Colours();
export const editor = new Editor();
export const painter = new Painter(canvas, view, editor, colours);
export const panel = new Panel(editor, painter, colours);
export const sidebar = new Sidebar();
export const app = { state: null, mode: "draw", hand: false, space: false, ended: false };

/** The line beside the buttons: what is saved. `kind`: "", "good", "changed" or "failed". */
export function tell(text, kind = "") {
  byId("saved").textContent = text;
  byId("saved").className = kind;
}

/** A message over the picture, with a button of its own perhaps; "" takes it away. */
export function banner(text, kind = "", button = null) {
  const place = byId("banner");
  place.hidden = !text;
  place.className = kind;
  place.replaceChildren(element("span", {}, text), button ?? "", element("button", { "aria-label": "Close", onclick: () => banner("") }, "×"));
}

/** A text in place of the picture. */
export function empty(text) {
  byId("empty").hidden = !text;
  byId("empty").textContent = text;
}

/** Something went wrong; `what` goes beside the buttons. */
export function report(error, what = "") {
  if (!(error instanceof Failure)) console.error(error);
  banner(error.message, "bad");
  if (what) tell(what, "failed");
}
