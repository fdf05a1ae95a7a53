// Saving, and what is not saved yet: a draft of it stays in the tab's storage, so that reloading the page loses nothing.

import { ask } from "./api.js";
import * as dialogs from "./dialogs.js";
import { byId, element } from "./dom.js";
import { boxesAndLabels, itemsOf, sameItems } from "./editor.js";
import { app, banner, colours, editor, painter, panel, report, sidebar, tell } from "./page.js";
import { refresh } from "./state.js";

let running = null; // the save that is on its way

const draftKey = (id) => `draft ${app.state.place} ${id}`;

/** What was not saved when the page was left: {version, items}, or null. */
export function readDraft(picture) {
  try {
    const draft = JSON.parse(sessionStorage.getItem(draftKey(picture.id)));
    return draft && !sameItems(draft.items, itemsOf(picture)) ? draft : null;
  } catch {
    return null;
  }
}

export function keepDraft() {
  if (!editor.picture.id) return;
  try {
    if (editor.dirty) sessionStorage.setItem(draftKey(editor.picture.id), JSON.stringify({ version: editor.picture.version, items: editor.items }));
    else sessionStorage.removeItem(draftKey(editor.picture.id));
  } catch { /* no room: the draft is a help, not a promise */ }
}

/** Save what is open; `always`: also a picture without boxes that nobody annotated yet. True when nothing is left to save. */
export async function save(always = false) {
  if (running) await running;
  const { picture } = editor;
  const untouched = !editor.dirty && (picture.annotated || !always);
  if (!picture.id || picture.unreadable || untouched) return true;
  const saving = store(picture, editor.items);
  running = saving.finally(() => (running = null));
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

/** A picture that shows no object was saved by going on: say so, in case it was only looked at. */
export function offerBack(picture) {
  const back = async () => {
    const stored = await ask("discard", { id: picture.id, version: picture.version });
    sidebar.update(stored);
    banner(`${picture.name} is not annotated again.`);
  };
  banner(`${picture.name} was saved as a picture without objects.`, "", element("button", { onclick: () => back().catch(report) }, "No, not annotated yet"));
}

/** Both versions are offered; true when nothing is left to save. */
export async function settle(current, mine) {
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
