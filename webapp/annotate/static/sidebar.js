// The list of pictures: progress, filters, order.

import { imageUrl } from "./api.js";
import { byId, element, many, reveal } from "./dom.js";

const FILTERS = {
  all: () => true,
  new: (picture) => picture.folder === "",
  todo: (picture) => !picture.annotated,
  unlabelled: (picture) => picture.unlabelled > 0,
  fault: (picture) => picture.fault !== "",
  none: (picture) => picture.annotated && picture.count === 0,
};

export class Sidebar {
  constructor() {
    this.open = () => {}; // called with the id of the picture that is chosen
    this.pictures = [];
    this.uncertainty = new Map(); // by id, where a detector has looked
    this.current = "";
    byId("filter").addEventListener("change", () => this.render());
    byId("order").addEventListener("change", () => this.render());
    byId("list").addEventListener("click", (event) => {
      const row = event.target.closest("li[data-id]");
      if (row) this.open(row.dataset.id);
    });
  }

  set(pictures) {
    this.pictures = pictures;
    this.render();
  }

  /** What is known of one picture changed. */
  update(picture, was = picture.id) {
    this.pictures = this.pictures.map((each) => (each.id === was ? { ...each, ...picture } : each));
    this.render();
  }

  get(id) {
    return this.pictures.find((picture) => picture.id === id);
  }

  byUncertainty() {
    return byId("order").value === "uncertain" && !byId("order-field").hidden;
  }

  /** All pictures in the chosen order. */
  ordered() {
    if (!this.byUncertainty()) return this.pictures;
    const rank = (picture) => (picture.annotated ? -2 : this.uncertainty.get(picture.id) ?? -1);
    return [...this.pictures].sort((a, b) => rank(b) - rank(a));
  }

  shown() {
    const passes = FILTERS[byId("filter").value];
    return this.ordered().filter((picture) => passes(picture) || picture.id === this.current);
  }

  /** The id of the picture `direction` from the current one among those shown; "" at the end. */
  neighbour(direction) {
    const shown = this.shown();
    if (direction > 0 && this.byUncertainty()) { // the order changes with every look of the detector: the best of now
      const first = shown.find((picture) => !picture.annotated && picture.id !== this.current);
      if (first) return first.id;
    }
    const at = shown.findIndex((picture) => picture.id === this.current);
    return shown[at + direction]?.id ?? "";
  }

  /** The picture before `id` in the folder, by name: where copied boxes come from. */
  before(id) {
    const folder = this.get(id)?.folder;
    const same = this.pictures.filter((picture) => picture.folder === folder);
    return same[same.findIndex((picture) => picture.id === id) - 1]?.id ?? "";
  }

  highlight(id) {
    this.current = id;
    this.render();
    reveal(byId("list"), byId("list").querySelector("[aria-current=true]"));
  }

  render() {
    const list = byId("list");
    const rows = new Map([...list.querySelectorAll("li[data-id]")].map((row) => [row.dataset.id, row]));
    const shown = this.shown();
    const wanted = shown.map((picture) => {
      const content = JSON.stringify([picture, this.uncertainty.get(picture.id), picture.id === this.current]);
      const old = rows.get(picture.id);
      return old?.dataset.content === content ? old : this.row(picture, content);
    });
    if (!shown.length) wanted.push(element("li", { class: "none" }, "No picture here."));
    if (wanted.length !== list.children.length || wanted.some((row, index) => row !== list.children[index])) list.replaceChildren(...wanted);
    this.progress();
  }

  row(picture, content) {
    const state = picture.fault ? "fault" : picture.annotated ? (picture.unlabelled ? "part" : "done") : "";
    const uncertain = picture.annotated ? undefined : this.uncertainty.get(picture.id);
    const facts = [
      picture.folder || "new",
      picture.fault ? "fault" : picture.annotated ? (picture.count ? many(picture.count, "box", "boxes") : "no objects") : uncertain === undefined ? "not annotated" : "",
      !picture.fault && picture.unlabelled ? `${picture.unlabelled} without class` : "",
      uncertain === undefined ? "" : `uncertain ${Math.round(100 * uncertain)} %`,
    ];
    return element("li",
      { "data-id": picture.id, "data-content": content, "aria-current": picture.id === this.current ? "true" : null, title: picture.fault || picture.id },
      element("img", { src: imageUrl(picture.id, 96), alt: "", loading: "lazy", width: 44, height: 38 }),
      element("span", { class: "what" }, element("span", { class: "name" }, picture.name), element("small", {}, facts.filter(Boolean).join(" · "))),
      element("span", { class: `mark ${state}`, role: "img", "aria-label": state === "done" ? "done" : state || "to do" }));
  }

  progress() {
    const { pictures } = this;
    const count = (test) => pictures.filter(test).length;
    const done = count((picture) => picture.annotated);
    byId("progress-bar").style.width = `${pictures.length ? (100 * done) / pictures.length : 0}%`;
    const faults = count(FILTERS.fault);
    const open = count(FILTERS.unlabelled);
    byId("progress-text").textContent = [
      `${done} of ${pictures.length} annotated`,
      open ? `${open} without a class` : "",
      faults ? many(faults, "fault") : "",
    ].filter(Boolean).join(" · ");
  }
}
