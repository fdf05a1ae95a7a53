// Help while annotating: suggestions of a detector, boxes followed from frame to frame, boxes tightened to proposals.

import { actions } from "./actions.js";
import { ask } from "./api.js";
import { byId, many } from "./dom.js";
import { itemsOf } from "./editor.js";
import { sameBox } from "./geometry.js";
import { whenShown } from "./opening.js";
import { banner, editor, report, sidebar } from "./page.js";

const PAUSE = 1500; // ms between two looks at what runs in the background
const listeners = [];
let status = null;
let timer = 0;

/** Call `listener(status)` whenever it is known how far suggestions and training are. */
export const whenStatus = (listener) => listeners.push(listener);

/** Ask how far everything is, and again while something runs. */
export async function watch() {
  clearTimeout(timer);
  const before = status;
  status = await ask("status");
  const { suggestions, training } = status;
  sidebar.uncertainty = new Map(Object.entries(suggestions.uncertainty));
  const on = suggestions.state !== "off";
  if (on && byId("order-field").hidden) byId("order").value = "uncertain";
  byId("order-field").hidden = !on;
  byId("accept").hidden = !on;
  sidebar.render();
  if (suggestions.state === "failed" && before?.suggestions.state !== "failed") banner(`No suggestions: ${suggestions.error}`, "bad");
  if (before?.training.state === "running" && training.state === "done") trained(training);
  if (suggestions.state === "looking" && !["looking", "done"].includes(before?.suggestions.state)) await suggest(editor.picture);
  for (const listener of listeners) listener(status);
  if (training.state === "running" || ["loading", "looking"].includes(suggestions.state)) {
    timer = setTimeout(() => watch().catch(() => {}), PAUSE);
  }
}

function trained({ curve }) {
  const last = curve.at(-1);
  if (last && !byId("dialog").open) banner(`Trained on ${many(last.pictures, "picture")}: mAP ${last.mAP.toFixed(2)}. Its suggestions come next.`);
}

// ---- suggestions -----------------------------------------------------------------------------------------------------

async function suggest(picture) {
  if (!status || ["off", "failed"].includes(status.suggestions.state) || picture.annotated || picture.unreadable) return;
  const { items } = await ask("suggestions", { id: picture.id });
  if (picture !== editor.picture) return; // another one is open meanwhile
  editor.suggestions = items
    .map(({ label, score, left, top, right, bottom }) => ({ label, score, x1: left, y1: top, x2: right, y2: bottom }))
    .filter((each) => !editor.items.some((item) => sameBox(item, each)));
  editor.tell();
}

/** The chosen suggestion becomes a box; without one, all of them. */
function accept() {
  const { suggestions, chosenSuggestion } = editor;
  const accepted = chosenSuggestion >= 0 ? [suggestions[chosenSuggestion]] : suggestions;
  if (!accepted.length) return;
  editor.suggestions = suggestions.filter((each) => !accepted.includes(each));
  editor.chosenSuggestion = -1;
  const alone = accepted.length === 1;
  editor.change([...editor.items, ...accepted.map(({ x1, y1, x2, y2, label }) => ({ x1, y1, x2, y2, label }))],
    alone ? editor.items.length : -1);
}

function remove() {
  if (editor.chosenSuggestion < 0) return editor.remove();
  editor.suggestions = editor.suggestions.filter((_, index) => index !== editor.chosenSuggestion);
  editor.chosenSuggestion = -1;
  editor.tell();
}

// ---- frames of a video -----------------------------------------------------------------------------------------------

async function carry(picture) {
  const carried = await ask("carry", { id: picture.id });
  if (picture !== editor.picture) return;
  const lost = new Set(carried.lost);
  const items = itemsOf(carried).filter((_, index) => !lost.has(index));
  const added = editor.merge(items);
  const gone = lost.size ? ` ${many(lost.size, "box was", "boxes were")} lost: draw ${lost.size === 1 ? "it" : "them"} anew.` : "";
  banner(`${many(added, "box", "boxes")} followed from the frame before. Check ${added === 1 ? "it" : "them"}.${gone}`);
}

const copy = actions.copy;

Object.assign(actions, {
  accept,
  delete: remove,
  copy: () => (editor.picture.follows ? carry(editor.picture) : copy()),
  async tighten() {
    const item = editor.current;
    if (!item) return;
    const { picture, selected } = editor;
    const { box } = await ask("tighten", { id: picture.id, box: [item.x1, item.y1, item.x2, item.y2] });
    if (picture !== editor.picture || editor.items[selected] !== item) return;
    if (!box) return banner("No proposal of step 1 overlaps this box by more than 0.6.");
    const [x1, y1, x2, y2] = box;
    editor.change(editor.replace({ ...item, x1, y1, x2, y2 }, selected), selected);
  },
});

whenShown((picture) => {
  suggest(picture).catch(report);
  if (picture.follows && !picture.annotated && !editor.items.length) carry(picture).catch(report);
});

export const current = () => status;
