// Showing a picture: its boxes, a draft of them, and as many of its pixels as the screen needs.

import { ask, imageUrl } from "./api.js";
import { byId, element } from "./dom.js";
import { app, banner, canvas, editor, empty, painter, panel, report, sidebar, view } from "./page.js";
import { readDraft, save, settle } from "./saving.js";

const DETAIL = [1600, 3200, 6400]; // longest sides of the picture as it is asked for
const shown = new EventTarget(); // "picture": another one is open now
let turn = 0; // grows with every picture that is opened: late answers belong to an older one
let detail = 0; // the longest side that was asked for

/** Call `listener(picture)` whenever another picture is open. */
export const whenShown = (listener) => shown.addEventListener("picture", ({ detail: picture }) => listener(picture));

/** Save what is open, then show picture `id`. */
export async function go(id) {
  byId("side").classList.remove("open");
  if (!id || app.ended) return;
  if (id !== editor.picture.id && !(await save())) return;
  await show(id);
}

/** Show picture `id`; what was open is not saved. */
export async function show(id) {
  const mine = ++turn;
  let picture;
  try {
    picture = await ask("picture", { id });
  } catch (error) {
    return report(error);
  }
  if (mine !== turn) return; // another one was chosen meanwhile
  picture.unreadable = !picture.width;
  const draft = readDraft(picture);
  painter.image = null;
  view.show(picture.width || 1, picture.height || 1);
  editor.open({ ...picture, version: draft?.version ?? picture.version }, draft?.items);
  sidebar.update(picture);
  sidebar.highlight(id);
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  byId("status-name").textContent = `${picture.id}   ${picture.width} × ${picture.height}`;
  byId("folder").value = picture.folder;
  empty(picture.unreadable ? `This picture cannot be read.\n${picture.fault}` : "");
  detail = 0;
  const loaded = loadImage(DETAIL[0]);
  if (picture.fault && !picture.unreadable) bannerForFault(picture.fault);
  else if (draft && draft.version === picture.version) banner("Changes that were not saved yet are here again. Undo takes them back.");
  else if (draft) void loaded.then(() => settle({ boxes: picture.boxes, labels: picture.labels, version: picture.version }, draft.items));
  else banner("");
  if (app.mode === "label") editor.selectFirst();
  shown.dispatchEvent(new CustomEvent("picture", { detail: editor.picture }));
}

/** Load the picture's pixels; the promise ends when they are there, or not to be had. */
function loadImage(longest) {
  const mine = turn;
  if (editor.picture.unreadable || detail >= longest) return Promise.resolve();
  detail = longest;
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => {
      if (mine === turn) imageLoaded(image);
      resolve();
    };
    image.onerror = () => {
      if (mine === turn) banner("The picture could not be loaded.", "bad");
      resolve();
    };
    image.src = imageUrl(editor.picture.id, longest);
  });
}

function imageLoaded(image) {
  painter.image = image;
  canvas.dataset.shown = editor.picture.id;
  painter.paint();
  panel.closeUp();
  const next = sidebar.neighbour(1);
  if (next) new Image().src = imageUrl(next, DETAIL[0]);
}

/** A closer look needs more pixels than the screen's picture has. */
export function moreDetail() {
  const needed = view.scale * Math.max(editor.width, editor.height) * (window.devicePixelRatio || 1);
  const longest = Math.max(editor.width, editor.height);
  const step = DETAIL.find((each) => each >= Math.min(needed, longest)) ?? DETAIL.at(-1);
  if (step > detail && detail < longest) loadImage(step);
}

function bannerForFault(fault) {
  const outside = /beyond the picture|is empty/.test(fault);
  const mend = outside ? element("button", { onclick: () => (editor.clip(), banner("")) }, "Cut boxes to the picture") : null;
  banner(fault, "bad", mend);
}
