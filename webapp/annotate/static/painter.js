// Draws the picture, the boxes and the crosshair. Knows nothing of the mouse or the server.

import { handles } from "./geometry.js";
import { isUnlabelled } from "./editor.js";

export class Painter {
  constructor(canvas, view, editor, colours) {
    Object.assign(this, { canvas, view, editor, colours });
    this.image = null;
    this.pointer = null; // of a mouse, on the screen
    this.drawn = null; // the box that is being drawn
    this.crosshair = true;
    this.spotlight = false; // everything but the selected box darker
    this.handleSize = 9;
    this.waiting = 0;
  }

  /** Paint with the next frame. */
  paint() {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.now();
    });
  }

  now() {
    const ratio = window.devicePixelRatio || 1;
    const { canvas, view, editor } = this;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const ink = canvas.getContext("2d");
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, view.width, view.height);
    canvas.dataset.view = [view.scale, view.x, view.y].join(" "); // for programs that drive the page
    if (!editor.width) return;
    if (this.image) {
      ink.imageSmoothingEnabled = view.scale < 4;
      ink.imageSmoothingQuality = "high";
      ink.drawImage(this.image, view.x, view.y, editor.width * view.scale, editor.height * view.scale);
    }
    if (this.spotlight && editor.current) this.darken(ink, editor.current);
    editor.suggestions.forEach((each, i) => this.suggestion(ink, each, i === editor.chosenSuggestion));
    editor.items.forEach((item, i) => i !== editor.selected && this.box(ink, item, false));
    if (editor.current) this.box(ink, editor.current, true);
    if (this.drawn) this.box(ink, { ...this.drawn, label: this.drawn.label ?? "" }, false, true);
    if (this.crosshair && this.pointer) this.lines(ink);
  }

  rectangle(box) {
    const a = this.view.toScreen(box.x1, box.y1);
    const b = this.view.toScreen(box.x2 + 1, box.y2 + 1);
    return [a.x, a.y, b.x - a.x, b.y - a.y];
  }

  box(ink, item, selected, growing = false) {
    const rectangle = this.rectangle(item);
    const colour = this.colours.of(item.label);
    ink.setLineDash([]);
    ink.lineWidth = selected ? 4.5 : 3.5;
    ink.strokeStyle = "rgba(0,0,0,.5)";
    ink.strokeRect(...rectangle);
    if (isUnlabelled(item.label)) ink.setLineDash([7, 4]);
    ink.lineWidth = selected ? 2.5 : 1.75;
    ink.strokeStyle = colour;
    ink.strokeRect(...rectangle);
    ink.setLineDash([]);
    if (selected) {
      ink.globalAlpha = 0.14;
      ink.fillStyle = colour;
      ink.fillRect(...rectangle);
      ink.globalAlpha = 1;
      this.handles(ink, item, colour);
    }
    if (!growing) this.tag(ink, item.label || "no class", rectangle, colour);
  }

  suggestion(ink, each, chosen) {
    const rectangle = this.rectangle(each);
    const colour = this.colours.of(each.label);
    ink.setLineDash([2, 4]);
    ink.lineCap = "round";
    ink.lineWidth = chosen ? 4.5 : 3;
    ink.strokeStyle = "rgba(0,0,0,.55)";
    ink.strokeRect(...rectangle);
    ink.lineWidth = chosen ? 3 : 1.75;
    ink.strokeStyle = colour;
    ink.strokeRect(...rectangle);
    ink.setLineDash([]);
    ink.lineCap = "butt";
    this.tag(ink, `${each.label}? ${each.score.toFixed(2)}`, rectangle, chosen ? colour : "#dfe6ec");
  }

  handles(ink, item, colour) {
    const size = this.handleSize;
    ink.fillStyle = "#fff";
    ink.strokeStyle = colour;
    ink.lineWidth = 1.5;
    const [, , width, height] = this.rectangle(item);
    for (const handle of handles(item)) {
      if (handle.name.length === 1 && ("ns".includes(handle.name) ? width : height) < 4 * size) continue;
      const at = this.view.toScreen(handle.x, handle.y);
      ink.fillRect(at.x - size / 2, at.y - size / 2, size, size);
      ink.strokeRect(at.x - size / 2, at.y - size / 2, size, size);
    }
  }

  tag(ink, text, [x, y, width, height], colour) {
    if (width < 14 && height < 14) return;
    ink.font = "12px system-ui, sans-serif";
    const wide = ink.measureText(text).width + 8;
    const left = Math.min(Math.max(x, 2), this.view.width - wide - 2);
    const top = y - 18 < 2 ? y + 1 : y - 18;
    ink.fillStyle = colour;
    ink.fillRect(left - 0.5, top, wide, 17);
    ink.fillStyle = "#10151a";
    ink.textBaseline = "middle";
    ink.fillText(text, left + 3.5, top + 9);
  }

  darken(ink, item) {
    const [x, y, width, height] = this.rectangle(item);
    ink.fillStyle = "rgba(8,11,14,.55)";
    ink.beginPath();
    ink.rect(0, 0, this.view.width, this.view.height);
    ink.rect(x, y, width, height);
    ink.fill("evenodd");
  }

  lines(ink) {
    const { x, y } = this.pointer;
    ink.beginPath();
    ink.moveTo(0, y + 0.5);
    ink.lineTo(this.view.width, y + 0.5);
    ink.moveTo(x + 0.5, 0);
    ink.lineTo(x + 0.5, this.view.height);
    ink.setLineDash([]);
    ink.lineWidth = 3;
    ink.strokeStyle = "rgba(0,0,0,.35)";
    ink.stroke();
    ink.lineWidth = 1;
    ink.strokeStyle = "rgba(255,255,255,.9)";
    ink.stroke();
  }
}

/** Draw what lies around `point` of the picture, four times as large as on the screen, with a cross. */
export function paintMagnified(canvas, image, width, point, scale) {
  const ink = canvas.getContext("2d");
  ink.clearRect(0, 0, canvas.width, canvas.height);
  if (!image || !point) return;
  const larger = Math.max(4 * scale, 2);
  const [x, y] = [canvas.width / 2 - point.x * larger, canvas.height / 2 - point.y * larger];
  const full = (larger * width) / image.naturalWidth;
  ink.imageSmoothingEnabled = larger < 8;
  ink.drawImage(image, x, y, image.naturalWidth * full, image.naturalHeight * full);
  for (const [colour, wide] of [["rgba(0,0,0,.45)", 3], ["#fff", 1]]) {
    ink.fillStyle = colour;
    ink.fillRect(0, canvas.height / 2 - wide / 2, canvas.width, wide);
    ink.fillRect(canvas.width / 2 - wide / 2, 0, wide, canvas.height);
  }
}

/** Draw the part of `image` (a picture of `width` pixels, perhaps shrunk) around `box` into a small canvas. */
export function paintCloseUp(canvas, image, width, box, colour) {
  const ink = canvas.getContext("2d");
  ink.clearRect(0, 0, canvas.width, canvas.height);
  if (!image || !box) return;
  const margin = 0.12 * Math.max(box.x2 - box.x1, box.y2 - box.y1) + 4;
  const [wide, tall] = [box.x2 - box.x1 + 1 + 2 * margin, box.y2 - box.y1 + 1 + 2 * margin];
  const scale = Math.min(canvas.width / wide, canvas.height / tall);
  const x = canvas.width / 2 - ((box.x1 + box.x2 + 1) / 2) * scale;
  const y = canvas.height / 2 - ((box.y1 + box.y2 + 1) / 2) * scale;
  const shrunk = image.naturalWidth / width;
  ink.imageSmoothingQuality = "high";
  ink.drawImage(image, x, y, (image.naturalWidth / shrunk) * scale, (image.naturalHeight / shrunk) * scale);
  ink.lineWidth = 3;
  ink.strokeStyle = colour;
  ink.strokeRect(box.x1 * scale + x, box.y1 * scale + y, (box.x2 - box.x1 + 1) * scale, (box.y2 - box.y1 + 1) * scale);
}

/** Draw a whole picture with its boxes into a small canvas, for a look or for comparison. */
export function paintSmall(canvas, image, width, height, items, colours) {
  const ink = canvas.getContext("2d");
  ink.clearRect(0, 0, canvas.width, canvas.height);
  if (!width) return;
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const [left, top] = [(canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2];
  ink.imageSmoothingQuality = "high";
  if (image) ink.drawImage(image, left, top, width * scale, height * scale);
  for (const item of items) {
    const rectangle = [left + item.x1 * scale, top + item.y1 * scale, (item.x2 - item.x1 + 1) * scale, (item.y2 - item.y1 + 1) * scale];
    ink.lineWidth = 4;
    ink.strokeStyle = "rgba(0,0,0,.5)";
    ink.strokeRect(...rectangle);
    ink.lineWidth = 2.5;
    ink.strokeStyle = colours.of(item.label);
    ink.strokeRect(...rectangle);
  }
}
