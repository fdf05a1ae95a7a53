// The page starts here: events are tied to actions. What is on the disk is the server's, what is not saved yet the editor's.

import { act, chooseClass, moveTo, setMode, zoomText } from "./actions.js";
import { ask } from "./api.js";
import { watch } from "./assist.js";
import { byId } from "./dom.js";
import * as keys from "./keys.js";
import { go, show } from "./opening.js";
import { app, canvas, colours, editor, empty, painter, panel, report, sidebar, tell, view } from "./page.js";
import { Pointer } from "./pointer.js";
import { keepDraft } from "./saving.js";
import { refresh } from "./state.js";
import "./training.js";

function onChange() {
  const { current } = editor;
  keepDraft();
  if (editor.dirty) tell("Not saved yet", "changed");
  else if (byId("saved").className === "changed") tell(editor.picture.annotated ? "Saved" : "");
  byId("undo").disabled = !editor.canUndo;
  byId("redo").disabled = !editor.canRedo;
  byId("delete").disabled = !current && editor.chosenSuggestion < 0;
  byId("tighten").disabled = !current;
  byId("accept").disabled = !editor.suggestions.length;
  byId("status-box").textContent = current
    ? `${current.x1} ${current.y1} ${current.x2} ${current.y2}   ${current.x2 - current.x1 + 1} × ${current.y2 - current.y1 + 1}` : "";
  zoomText();
  painter.paint();
  panel.render();
}

async function addClass(event) {
  event.preventDefault();
  const field = byId("new-class");
  canvas.focus(); // the next key is for the picture
  const { classes } = await ask("addClass", { name: field.value });
  panel.classes = colours.classes = classes;
  const label = field.value.trim();
  field.value = "";
  if (editor.current) chooseClass(label);
  else panel.standing = label;
  onChange();
}

new Pointer(canvas, view, editor, painter, {
  may: () => !editor.picture.unreadable,
  newLabel: () => panel.standing,
  hand: () => app.hand || app.space,
});
sidebar.open = go;
panel.choose = chooseClass;
editor.addEventListener("change", onChange);
keys.listen(act);
for (const name of ["next", "previous", "undo", "redo", "delete", "copy", "tighten", "accept", "hand", "fit", "sort", "train", "help", "quit"]) {
  byId(name).addEventListener("click", () => act(name));
}
byId("zoom-in").addEventListener("click", () => act("zoomIn"));
byId("zoom-out").addEventListener("click", () => act("zoomOut"));
byId("mode-draw").addEventListener("click", () => setMode("draw"));
byId("mode-label").addEventListener("click", () => setMode("label"));
byId("folder").addEventListener("change", (event) => moveTo(event.target.value));
byId("toggle-list").addEventListener("click", () => byId("side").classList.toggle("open"));
byId("add-class").addEventListener("submit", (event) => addClass(event).catch(report));
canvas.addEventListener("zoom", zoomText);
canvas.addEventListener("hover", ({ detail }) => {
  if (!editor.current || painter.drawn) panel.closeUp();
  if (editor.current) return;
  byId("status-box").textContent = detail && editor.width ? `${Math.floor(detail.x)} ${Math.floor(detail.y)}` : "";
});
new ResizeObserver(([{ contentRect }]) => {
  view.resize(contentRect.width, contentRect.height);
  painter.paint();
}).observe(byId("stage"));
window.addEventListener("beforeunload", (event) => {
  keepDraft();
  if (editor.dirty && !app.ended) event.preventDefault();
});

try {
  await refresh();
  await watch();
  setMode(app.state.mode);
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first = sidebar.get(wanted) ?? sidebar.ordered().find((picture) => !picture.annotated) ?? app.state.pictures[0];
  if (first) await show(first.id);
  else empty("No pictures yet.\nPut some into the data set's folder, or start with --add FOLDER, and reload this page.");
} catch (error) {
  report(error);
}
document.body.dataset.ready = "true";
