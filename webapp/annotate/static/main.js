// The page: from events to actions. What is on the disk is the server's; what is not saved yet is the editor's, and a
// draft of it stays in the tab's storage, so that reloading the page loses nothing.

import { ask, Failure, imageUrl } from "./api.js";
import { Colours } from "./colours.js";
import * as dialogs from "./dialogs.js";
import { byId, element, many } from "./dom.js";
import { boxesAndLabels, Editor, itemsOf, sameItems } from "./editor.js";
import * as keys from "./keys.js";
import { Painter } from "./painter.js";
import { Panel } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Sidebar } from "./sidebar.js";
import { View } from "./view.js";

const DETAIL = [1600, 3200, 6400]; // longest sides of the picture as it is asked for
const canvas = byId("canvas");
const view = new View();
const colours = new Colours();
const editor = new Editor();
const painter = new Painter(canvas, view, editor, colours);
const panel = new Panel(editor, painter, colours, (label) => chooseClass(label));
const sidebar = new Sidebar((id) => go(id));
const app = { state: null, mode: "draw", hand: false, space: false, saving: null, ended: false, detail: 0, opening: 0 };

new Pointer(canvas, view, editor, painter, {
  may: () => !editor.picture.unreadable,
  newLabel: () => panel.standing,
  hand: () => app.hand || app.space,
});

// ---- opening ---------------------------------------------------------------------------------------------------------

const draftKey = (id) => `draft ${app.state.dataset} ${id}`;

async function refresh() {
  const state = await ask("state");
  app.state = state;
  panel.classes = colours.classes = state.classes;
  panel.special = state.specialLabels;
  sidebar.set(state.pictures);
  byId("dataset").textContent = byId("dataset").title = state.dataset;
  document.title = `${state.dataset} - annotate`;
  byId("class-note").hidden = !state.classesAreFixed;
  byId("class-note").textContent = "The steps use the classes of PARAMETERS.py. Add new ones there as well.";
  panel.render();
  if (state.measuring) setTimeout(() => refresh().catch(() => {}), 1500);
}

/** Save what is open, then show picture `id`. */
async function go(id) {
  byId("side").classList.remove("open");
  if (!id || app.ended) return;
  if (id !== editor.picture.id && !(await save())) return;
  await show(id);
}

async function show(id) {
  const turn = ++app.opening;
  let picture;
  try {
    picture = await ask("picture", { id });
  } catch (error) {
    return report(error);
  }
  if (turn !== app.opening) return; // another one was chosen meanwhile
  picture.unreadable = !picture.width;
  const draft = readDraft(picture);
  painter.image = null;
  editor.open(picture, draft?.version === picture.version ? draft.items : null);
  view.show(picture.width || 1, picture.height || 1);
  sidebar.update(picture);
  sidebar.highlight(id);
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  byId("status-name").textContent = `${picture.id}   ${picture.width} × ${picture.height}`;
  byId("folder").value = picture.folder;
  empty(picture.unreadable ? `This picture cannot be read.\n${picture.fault}` : "");
  if (picture.fault && !picture.unreadable) bannerForFault(picture.fault);
  else if (draft && draft.version === picture.version) banner("Changes that were not saved yet are here again. Undo takes them back.");
  else if (draft) await settle({ boxes: picture.boxes, labels: picture.labels, version: picture.version }, draft.items);
  else banner("");
  app.detail = 0;
  loadImage(DETAIL[0], turn);
  if (app.mode === "label") editor.select(Math.max(editor.firstUnlabelled(), Math.min(0, editor.items.length - 1)));
  for (const hook of hooks.shown) hook(picture);
}

function loadImage(longest, turn = app.opening) {
  if (editor.picture.unreadable || app.detail >= longest) return;
  app.detail = longest;
  const image = new Image();
  image.onload = () => {
    if (turn !== app.opening) return;
    painter.image = image;
    canvas.dataset.shown = editor.picture.id;
    painter.paint();
    panel.closeUp();
    const next = sidebar.neighbour(1);
    if (next) new Image().src = imageUrl(next, DETAIL[0]);
  };
  image.onerror = () => turn === app.opening && banner("The picture could not be loaded.", "bad");
  image.src = imageUrl(editor.picture.id, longest);
}

/** A closer look needs more pixels than the screen's picture has. */
function moreDetail() {
  const needed = view.scale * Math.max(editor.width, editor.height) * (window.devicePixelRatio || 1);
  const longest = Math.max(editor.width, editor.height);
  const step = DETAIL.find((each) => each >= Math.min(needed, longest)) ?? DETAIL.at(-1);
  if (step > app.detail && app.detail < longest) loadImage(step);
}

// ---- drafts and saving -----------------------------------------------------------------------------------------------

function readDraft(picture) {
  try {
    const draft = JSON.parse(sessionStorage.getItem(draftKey(picture.id)));
    return draft && !sameItems(draft.items, itemsOf(picture)) ? draft : null;
  } catch {
    return null;
  }
}

function keepDraft() {
  if (!editor.picture.id) return;
  try {
    if (editor.dirty) sessionStorage.setItem(draftKey(editor.picture.id), JSON.stringify({ version: editor.picture.version, items: editor.items }));
    else sessionStorage.removeItem(draftKey(editor.picture.id));
  } catch { /* no room: the draft is a help, not a promise */ }
}

/** Save what is open; `always`: also a picture without boxes that nobody annotated yet. True when nothing is left to save. */
async function save(always = false) {
  if (app.saving) await app.saving;
  const { picture } = editor;
  const untouched = !editor.dirty && (picture.annotated || !always);
  if (!picture.id || picture.unreadable || untouched) return true;
  const saving = store(picture, editor.items);
  app.saving = saving.finally(() => (app.saving = null));
  return saving;
}

async function store(picture, items) {
  tell("Saving …");
  try {
    const stored = await ask("save", { id: picture.id, version: picture.version, ...boxesAndLabels(items) });
    taken(picture, stored, items);
    return true;
  } catch (error) {
    if (error.status === 409) return settle(error.content.current, items);
    if (error.status === 422 && picture.folder === "negative" && items.length) return offerMove(picture, error);
    report(error, "Not saved");
    return false;
  }
}

/** The server has these items now; the editor may have gone on. */
function taken(picture, stored, items) {
  if (editor.picture === picture) {
    Object.assign(picture, stored);
    editor.saved = stored.labels.length === items.length ? withLabels(items, stored.labels) : items;
    if (sameItems(editor.items, items)) editor.items = editor.saved;
    keepDraft();
    editor.tell();
    if (!stored.fault && !byId("banner").dataset.keep) banner("");
  } else {
    sessionStorage.removeItem(draftKey(picture.id));
  }
  sidebar.update(stored);
  const added = items.map((item) => item.label).filter((label) => label && !panel.classes.includes(label) && !panel.special.includes(label));
  if (added.length) refresh().catch(report);
  tell("Saved", "good");
}

/** A box without a class beside boxes with one is stored as UNDECIDED. */
const withLabels = (items, labels) => items.map((item, i) => (item.label === labels[i] ? item : { ...item, label: labels[i] }));

/** Both versions are offered; true when nothing is left to save. */
async function settle(current, mine) {
  const { picture } = editor;
  const theirs = itemsOf(current);
  tell("Not saved", "failed");
  const choice = await dialogs.conflict(picture.name, picture, painter.image, mine, theirs, colours);
  if (!choice || choice === "cancel") return false;
  Object.assign(picture, current);
  editor.saved = theirs;
  if (choice === "theirs") {
    editor.change(theirs, -1);
    keepDraft();
    const stored = await ask("picture", { id: picture.id }).catch(() => null);
    if (stored) sidebar.update(Object.assign(picture, stored));
    tell("Saved", "good");
    return true;
  }
  editor.change(mine, -1);
  if (choice === "both") editor.merge(theirs);
  return store(picture, editor.items);
}

async function offerMove(picture, error) {
  tell("Not saved", "failed");
  const choice = await dialogs.open("Pictures in negative/ have no boxes", [error.message], [
    ["cancel", "Go on editing"], ["testImages", "Move to testImages"], ["positive", "Move to positive", true],
  ]);
  if (choice !== "positive" && choice !== "testImages") return false;
  const { items } = editor;
  try {
    const movedPicture = await ask("move", { id: picture.id, folder: choice, version: picture.version });
    sidebar.update(movedPicture, picture.id);
    sessionStorage.removeItem(draftKey(picture.id));
    Object.assign(picture, movedPicture);
    sidebar.highlight(picture.id);
    byId("folder").value = picture.folder;
    return store(picture, items);
  } catch (failure) {
    report(failure);
    return false;
  }
}

// ---- what the user sees of it ----------------------------------------------------------------------------------------

function tell(text, kind = "") {
  byId("saved").textContent = text;
  byId("saved").className = kind;
}

function banner(text, kind = "", button = null) {
  const place = byId("banner");
  place.hidden = !text;
  place.className = kind;
  place.replaceChildren(element("span", {}, text), button ?? "", element("button", { "aria-label": "Close", onclick: () => banner("") }, "×"));
}

function bannerForFault(fault) {
  const outside = /beyond the picture|is empty/.test(fault);
  const mend = outside ? element("button", { onclick: () => (editor.clip(), banner("")) }, "Cut boxes to the picture") : null;
  banner(fault, "bad", mend);
}

function empty(text) {
  byId("empty").hidden = !text;
  byId("empty").textContent = text;
}

function report(error, what = "") {
  if (!(error instanceof Failure)) console.error(error);
  banner(error.message, "bad");
  if (what) tell(what, "failed");
}

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

function zoomText() {
  byId("status-zoom").textContent = editor.width ? `${Math.round(view.scale * 100)} %` : "";
  moreDetail();
}

// ---- actions ---------------------------------------------------------------------------------------------------------

async function step(direction) {
  const id = sidebar.neighbour(direction);
  if (!(await save(direction > 0))) return;
  if (id) await show(id);
  else {
    sidebar.highlight(editor.picture.id);
    banner(direction > 0 ? "This was the last picture of the list." : "This is the first picture of the list.");
  }
}

function chooseClass(label) {
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
  try {
    const others = await hooks.copy(from, editor.picture);
    const fitting = others.items.filter((item) => item.x2 < editor.width && item.y2 < editor.height);
    const added = editor.merge(fitting);
    banner([others.note ?? "", added ? "" : "No box to copy.", fitting.length < others.items.length ? "Boxes beyond this picture were left out." : ""].filter(Boolean).join(" "));
  } catch (error) {
    report(error);
  }
}

async function copyItems(from) {
  return { items: itemsOf(await ask("picture", { id: from })) };
}

function setMode(mode) {
  app.mode = mode;
  for (const each of ["draw", "label"]) byId(`mode-${each}`).setAttribute("aria-pressed", String(each === mode));
  painter.spotlight = mode === "label";
  painter.crosshair = mode === "draw";
  if (mode === "label" && editor.selected < 0) editor.select(Math.max(editor.firstUnlabelled(), Math.min(0, editor.items.length - 1)));
  painter.paint();
}

function setHand(on) {
  app.hand = on;
  byId("hand").setAttribute("aria-pressed", String(on));
  canvas.style.cursor = on ? "grab" : "crosshair";
}

async function moveTo(folder) {
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

async function sortNew() {
  if (!(await save())) return;
  const share = element("input", { type: "number", min: 0, max: 90, value: 20, id: "split-share" });
  const seed = element("input", { type: "number", min: 0, value: app.state.seed, id: "split-seed" });
  const outcome = element("p", { role: "status", id: "split-plan" });
  let plan = {};
  const preview = async () => {
    try {
      const answer = await ask("split", { share: Number(share.value) / 100, seed: Number(seed.value), carryOut: false });
      plan = answer.plan;
      const count = (folder) => Object.values(plan).filter((each) => each === folder).length;
      outcome.textContent = `${count("positive")} to positive, ${count("testImages")} to testImages, ${count("negative")} without boxes to negative` +
        (answer.waiting ? `; ${many(answer.waiting, "picture")} not annotated yet stay${answer.waiting === 1 ? "s" : ""}.` : ".");
    } catch (error) {
      outcome.textContent = error.message;
    }
  };
  share.addEventListener("input", preview);
  seed.addEventListener("input", preview);
  await preview();
  const choice = await dialogs.open("Sort new pictures", [
    "Annotated pictures that lie directly in the data set's folder are moved, with their boxes. Which ones become test pictures is drawn by chance; the same seed draws the same. Near-copies stay together.",
    element("div", { class: "form" }, element("label", { for: "split-share" }, "Test pictures, %"), share, element("label", { for: "split-seed" }, "Seed"), seed),
    outcome,
  ], [["cancel", "Cancel"], ["ok", "Move them", true]]);
  if (choice !== "ok") return;
  try {
    const answer = await ask("split", { share: Number(share.value) / 100, seed: Number(seed.value), carryOut: true });
    await refresh();
    const name = editor.picture.id;
    if (answer.plan[name]) await show(`${answer.plan[name]}/${name}`);
    banner(`${many(Object.keys(answer.plan).length, "picture")} moved.`);
  } catch (error) {
    report(error);
    await refresh();
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

const hooks = { copy: copyItems, shown: [], actions: {} };
const actions = {
  next: () => step(1),
  previous: () => step(-1),
  undo: () => editor.undo(),
  redo: () => editor.redo(),
  delete: () => (editor.chosenSuggestion >= 0 ? hooks.actions.dismiss?.() : editor.remove()),
  copy: copyPrevious,
  save: () => save(true),
  quit,
  help: dialogs.help,
  fit: () => (view.fit(), zoomText(), painter.paint()),
  zoomIn: () => (view.zoom(1.3), zoomText(), painter.paint()),
  zoomOut: () => (view.zoom(1 / 1.3), zoomText(), painter.paint()),
  hand: () => setHand(!app.hand),
  space: (held) => void (app.space = held),
  escape: () => (banner(""), editor.select(-1)),
  confirm: () => app.mode === "label" && editor.step(1),
  step: (direction) => editor.step(direction),
  class: (digit) => chooseClass(panel.byKey(digit)),
  nudge: ({ dx, dy, side }) => editor.nudge(dx, dy, side),
  sort: sortNew,
};

function act(name, argument) {
  if (app.ended || byId("dialog").open) return;
  const action = actions[name] ?? hooks.actions[name];
  Promise.resolve(action?.(argument)).catch(report);
}

// ---- start -----------------------------------------------------------------------------------------------------------

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
byId("add-class").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = byId("new-class");
  try {
    const { classes } = await ask("addClass", { name: field.value });
    panel.classes = colours.classes = classes;
    const label = field.value.trim();
    field.value = "";
    if (editor.current) chooseClass(label);
    else panel.standing = label;
    onChange();
    canvas.focus();
  } catch (error) {
    report(error);
  }
});
canvas.addEventListener("zoom", zoomText);
canvas.addEventListener("hover", ({ detail }) => {
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
  setMode(app.state.mode);
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first = sidebar.get(wanted) ?? app.state.pictures.find((picture) => !picture.annotated) ?? app.state.pictures[0];
  if (first) await show(first.id);
  else empty("No pictures yet.\nPut some into the data set's folder, or start with --add FOLDER, and reload this page.");
} catch (error) {
  report(error);
}
document.body.dataset.ready = "true";
