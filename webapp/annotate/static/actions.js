// What the buttons and keys do, by name.

import { ask } from "./api.js";
import * as dialogs from "./dialogs.js";
import { byId, element } from "./dom.js";
import { itemsOf } from "./editor.js";
import { moreDetail, show } from "./opening.js";
import { app, banner, canvas, editor, painter, panel, report, sidebar, view } from "./page.js";
import { offerBack, save } from "./saving.js";
import { sortNew } from "./sorting.js";
import { refresh } from "./state.js";

async function step(direction) {
  const id = sidebar.neighbour(direction);
  const { picture } = editor;
  const unseen = !picture.annotated && !editor.items.length;
  const waiting = unseen && editor.suggestions.length > 0; // nobody has said yet that there is no object
  if (!(await save(direction > 0 && !waiting))) return;
  if (id) await show(id);
  if (unseen && picture.annotated) offerBack(picture);
  else if (!id) {
    sidebar.highlight(editor.picture.id);
    banner(direction > 0 ? "This was the last picture of the list." : "This is the first picture of the list.");
  }
}

/** Give the selected box a class; without one, the boxes that are drawn next. */
export function chooseClass(label) {
  if (label === undefined) return;
  if (!editor.current) {
    panel.standing = panel.standing === label ? "" : label;
    panel.render();
    return;
  }
  editor.setLabel(label);
  if (app.mode !== "label") return;
  const following = editor.firstUnlabelled(editor.selected + 1);
  if (following >= 0) editor.select(following);
  else if (editor.selected + 1 < editor.items.length) editor.select(editor.selected + 1);
  else banner("Every box has a class. n goes on.");
}

async function copyPrevious() {
  const from = sidebar.before(editor.picture.id);
  if (!from) return banner("There is no picture before this one.");
  const items = itemsOf(await ask("picture", { id: from }));
  const fitting = items.filter((item) => item.x2 < editor.width && item.y2 < editor.height);
  const added = editor.merge(fitting);
  banner([added ? "" : "No box to copy.", fitting.length < items.length ? "Boxes beyond this picture were left out." : ""].filter(Boolean).join(" "));
}

export function setMode(mode) {
  app.mode = mode;
  for (const each of ["draw", "label"]) byId(`mode-${each}`).setAttribute("aria-pressed", String(each === mode));
  painter.spotlight = mode === "label";
  painter.crosshair = mode === "draw";
  if (mode === "label" && editor.selected < 0) editor.selectFirst();
  painter.paint();
}

function setHand(on) {
  app.hand = on;
  byId("hand").setAttribute("aria-pressed", String(on));
  canvas.style.cursor = on ? "grab" : "crosshair";
}

export async function moveTo(folder) {
  if (!(await save())) return void (byId("folder").value = editor.picture.folder);
  const { picture } = editor;
  try {
    const movedPicture = await ask("move", { id: picture.id, folder, version: picture.version });
    await refresh();
    await show(movedPicture.id);
  } catch (error) {
    byId("folder").value = picture.folder;
    if (error.status === 409) await show(picture.id);
    report(error);
  }
}

async function quit() {
  if (!(await save())) return;
  const choice = await dialogs.open("End the session?", ["Everything is saved. The program behind this page ends, for other tabs too."],
    [["cancel", "Go on"], ["quit", "Quit", true]]);
  if (choice !== "quit") return;
  await ask("quit").catch(() => {});
  app.ended = true;
  editor.clear();
  painter.image = null;
  document.body.replaceChildren(element("p", { class: "noscript", id: "ended" }, "Ended. You can close this tab."));
}

function zoomed() {
  zoomText();
  painter.paint();
}

/** The scale in the status line; a closer look may need more pixels. */
export function zoomText() {
  byId("status-zoom").textContent = editor.width ? `${Math.round(view.scale * 100)} %` : "";
  moreDetail();
}

export const actions = {
  next: () => step(1),
  previous: () => step(-1),
  undo: () => editor.undo(),
  redo: () => editor.redo(),
  delete: () => editor.remove(),
  copy: copyPrevious,
  save: () => save(true),
  quit,
  help: dialogs.help,
  fit: () => (view.fit(), zoomed()),
  zoomIn: () => (view.zoom(1.3), zoomed()),
  zoomOut: () => (view.zoom(1 / 1.3), zoomed()),
  hand: () => setHand(!app.hand),
  space: (held) => void (app.space = held),
  escape: () => (banner(""), editor.select(-1)),
  confirm: () => app.mode === "label" && editor.step(1),
  step: (direction) => editor.step(direction),
  class: (digit) => chooseClass(panel.byKey(digit)),
  nudge: ({ dx, dy, side }) => editor.nudge(dx, dy, side),
  sort: sortNew,
};

/** Do what `name` says, unless a window is open. */
export function act(name, argument) {
  if (app.ended || byId("dialog").open) return;
  Promise.resolve(actions[name]?.(argument)).catch(report);
}
