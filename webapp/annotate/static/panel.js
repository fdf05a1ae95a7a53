// The right side: classes to choose, boxes of the picture, the selected box larger.

import { byId, element, reveal } from "./dom.js";
import { paintCloseUp, paintMagnified, paintSmall } from "./painter.js";

export class Panel {
  constructor(editor, painter, colours) {
    Object.assign(this, { editor, painter, colours });
    this.choose = () => {}; // called with the label that is clicked
    this.classes = [];
    this.special = [];
    this.standing = ""; // the class that new boxes get
    byId("boxes").addEventListener("click", (event) => {
      const row = event.target.closest("li[data-index]");
      if (row) editor.select(Number(row.dataset.index));
    });
  }

  /** The label for a digit key: "1" is the first class, "0" the tenth. */
  byKey(digit) {
    return this.classes[(Number(digit) + 9) % 10];
  }

  render() {
    const { editor, colours } = this;
    const selected = editor.current?.label;
    const pressed = editor.current ? selected : this.standing;
    const counts = new Map();
    for (const item of editor.items) counts.set(item.label, (counts.get(item.label) ?? 0) + 1);
    byId("classes").replaceChildren(...[...this.classes, ...this.special].map((label, index) => {
      const key = index < Math.min(10, this.classes.length) ? String((index + 1) % 10) : "";
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = colours.of(label);
      return element("li", {}, element("button",
        { "aria-pressed": String(label === pressed), "data-label": label, title: hint(label), onclick: () => this.choose(label) },
        key ? element("kbd", { class: "key" }, key) : element("span", { class: "key" }), swatch,
        element("span", { class: "grow" }, label), element("span", { class: "count" }, counts.get(label) ?? "")));
    }));
    byId("box-count").textContent = editor.items.length ? `(${editor.items.length})` : "";
    byId("boxes").replaceChildren(...editor.items.map((item, index) => {
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = colours.of(item.label);
      return element("li", { "data-index": index, "aria-current": index === editor.selected ? "true" : null },
        swatch, element("span", { class: "grow" }, item.label || "no class"),
        element("small", {}, `${item.x2 - item.x1 + 1} × ${item.y2 - item.y1 + 1}`));
    }));
    if (!editor.items.length) byId("boxes").append(element("li", { class: "none" }, "none yet: drag on the picture"));
    reveal(byId("boxes"), byId("boxes").querySelector("[aria-current=true]"));
    this.closeUp();
  }

  /** The selected box larger; while drawing, and without one, what lies around the mouse; else the whole picture. */
  closeUp() {
    const { editor, painter, colours } = this;
    const box = painter.drawn ? null : editor.current ?? editor.suggestions[editor.chosenSuggestion];
    const { pointer } = painter;
    if (box) paintCloseUp(byId("closeup"), painter.image, editor.width, box, colours.of(box.label));
    else if (!pointer) paintSmall(byId("closeup"), painter.image, editor.width, editor.height, editor.items, colours);
    else paintMagnified(byId("closeup"), painter.image, editor.width, painter.view.toPicture(pointer.x, pointer.y), painter.view.scale);
  }
}

function hint(label) {
  if (label === "UNDECIDED") return "UNDECIDED: counts neither in training nor in evaluation";
  if (label === "EXCLUDE") return "EXCLUDE: hardly visible; counts neither in training nor in evaluation";
  return label;
}
