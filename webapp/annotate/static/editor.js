// The boxes of the picture that is shown, what is selected, undo and redo. An item is {x1, y1, x2, y2, label}; items are
// never changed in place, so a list of them is a snapshot.

import { clipped, moved, sameBox } from "./geometry.js";

export class Editor extends EventTarget {
  constructor() {
    super();
    this.clear();
  }

  clear() {
    this.open({ id: "", width: 0, height: 0, boxes: [], labels: [], version: "" });
  }

  /** Start with a picture as the server describes it; `draft` replaces its boxes and can be undone. */
  open(picture, draft = undefined) {
    this.picture = picture;
    this.saved = itemsOf(picture);
    this.past = [this.saved];
    this.future = [];
    this.items = this.saved;
    this.selected = -1;
    this.suggestions = [];
    this.chosenSuggestion = -1;
    if (draft) this.change(draft);
    else this.tell();
  }

  get width() { return this.picture.width; }
  get height() { return this.picture.height; }
  get dirty() { return !sameItems(this.items, this.saved); }
  get current() { return this.items[this.selected] ?? null; }
  get canUndo() { return this.past.length > 1; }
  get canRedo() { return this.future.length > 0; }

  tell() {
    this.dispatchEvent(new Event("change"));
  }

  /** Go over to `items`: one step of undo. */
  change(items, selected = this.selected) {
    if (!sameItems(items, this.items)) {
      this.past = [...this.past, items];
      this.future = [];
    }
    this.show(items, selected);
  }

  /** Show `items` while something is being dragged, without a step of undo. */
  show(items, selected = this.selected) {
    this.items = items;
    this.selected = Math.min(selected, items.length - 1);
    this.tell();
  }

  /** End of dragging: what is shown becomes one step. */
  commit() {
    const shown = this.items;
    this.items = this.past.at(-1);
    this.change(shown);
  }

  undo() {
    if (!this.canUndo) return;
    this.future = [this.past.at(-1), ...this.future];
    this.past = this.past.slice(0, -1);
    this.show(this.past.at(-1), -1);
  }

  redo() {
    if (!this.canRedo) return;
    const [items, ...rest] = this.future;
    this.past = [...this.past, items];
    this.future = rest;
    this.show(items, -1);
  }

  select(index) {
    this.selected = index;
    this.chosenSuggestion = -1;
    this.tell();
  }

  /** Select the next box in `direction`, round and round. */
  step(direction) {
    if (!this.items.length) return;
    const from = this.selected < 0 ? (direction > 0 ? -1 : 0) : this.selected;
    this.select((from + direction + this.items.length) % this.items.length);
  }

  /** Select the first box without a class, else the first. */
  selectFirst() {
    this.select(Math.max(this.firstUnlabelled(), Math.min(0, this.items.length - 1)));
  }

  add(items) {
    this.change([...this.items, ...items], this.items.length + items.length - 1);
  }

  replace(item, index = this.selected) {
    return this.items.map((each, i) => (i === index ? item : each));
  }

  remove(index = this.selected) {
    if (index < 0 || index >= this.items.length) return;
    this.change(this.items.filter((_, i) => i !== index), -1);
  }

  setLabel(label, index = this.selected) {
    if (this.items[index]) this.change(this.replace({ ...this.items[index], label }, index), index);
  }

  nudge(dx, dy, side) {
    const item = this.current;
    if (!item) return;
    const next = side
      ? clipped({ ...item, x2: Math.max(item.x2 + dx, item.x1), y2: Math.max(item.y2 + dy, item.y1) }, this.width, this.height)
      : moved(item, dx, dy, this.width, this.height);
    this.change(this.replace(next));
  }

  clip() {
    this.change(this.items.map((item) => clipped(item, this.width, this.height)));
  }

  /** The index of the first box from `start` on, round and round, that has no class; -1 when all have one. */
  firstUnlabelled(start = 0) {
    for (let k = 0; k < this.items.length; k++) {
      const index = (start + k) % this.items.length;
      if (isUnlabelled(this.items[index].label)) return index;
    }
    return -1;
  }

  /** Add the boxes of `others` that are not there yet. */
  merge(others) {
    const added = others.filter((other) => !this.items.some((item) => sameBox(item, other)));
    this.change([...this.items, ...added]);
    return added.length;
  }
}

export const isUnlabelled = (label) => label === "" || label === "UNDECIDED";

export function itemsOf(stored) {
  return stored.boxes.map(([x1, y1, x2, y2], index) => ({ x1, y1, x2, y2, label: stored.labels[index] ?? "" }));
}

export function boxesAndLabels(items) {
  return { boxes: items.map(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2]), labels: items.map((item) => item.label) };
}

export function sameItems(a, b) {
  return a === b || (a.length === b.length && a.every((item, i) => sameBox(item, b[i]) && item.label === b[i].label));
}
