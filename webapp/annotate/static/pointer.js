// Mouse, pen and fingers on the canvas: draw, select, move, resize, pan, zoom.

import { boxBetween, contains, handleAt, moved, resized, smallestAround } from "./geometry.js";

const CLICK = 4; // screen pixels: less movement is a click, more is dragging

export class Pointer {
  /** `options`: may(): whether boxes can be drawn; newLabel(): class of a drawn box; hand(): pan instead of drawing. */
  constructor(canvas, view, editor, painter, options) {
    Object.assign(this, { canvas, view, editor, painter, options });
    this.down = new Map(); // pointers that touch, by id
    this.action = null; // what the first of them does
    this.pinch = null;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", (event) => this.cancel(event));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  at(event) {
    const frame = this.canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  reach(event) {
    return (event.pointerType === "touch" ? 22 : 8) / this.view.scale;
  }

  press(event) {
    if (!this.editor.width) return;
    this.canvas.focus({ preventScroll: true });
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch { /* the finger is gone already */ }
    const screen = this.at(event);
    this.down.set(event.pointerId, screen);
    if (this.down.size === 2) {
      this.abandon();
      this.pinch = this.span();
      return;
    }
    if (this.down.size > 2) return;
    this.painter.handleSize = event.pointerType === "touch" ? 16 : 9;
    const start = this.view.toPicture(screen.x, screen.y);
    const { editor } = this;
    const item = editor.current;
    const base = { screen, start, item, moved: false, touch: event.pointerType === "touch" };
    const handle = item && this.options.may() ? handleAt(item, start, this.reach(event)) : "";
    if (event.button === 1 || event.button === 2 || this.options.hand()) this.action = { ...base, kind: "pan" };
    else if (!this.options.may()) this.action = { ...base, kind: "pan", clicks: true };
    else if (handle) this.action = { ...base, kind: "resize", handle };
    else if (item && contains(item, start) && !event.shiftKey) this.action = { ...base, kind: "move" };
    else this.action = { ...base, kind: "draw" };
  }

  move(event) {
    const screen = this.at(event);
    if (this.down.has(event.pointerId)) this.down.set(event.pointerId, screen);
    if (this.pinch && this.down.size >= 2) return this.spread();
    if (event.pointerType !== "touch") this.hover(screen, event);
    const { action, editor, view } = this;
    if (!action || !this.down.has(event.pointerId)) return;
    if (!action.moved && Math.hypot(screen.x - action.screen.x, screen.y - action.screen.y) < CLICK) return;
    action.moved = true;
    const here = view.toPicture(screen.x, screen.y);
    const [dx, dy] = [here.x - action.start.x, here.y - action.start.y];
    if (action.kind === "pan") {
      view.pan(screen.x - (action.last ?? action.screen).x, screen.y - (action.last ?? action.screen).y);
      action.last = screen;
    } else if (action.kind === "draw") {
      const box = boxBetween(action.start, here, editor.width, editor.height);
      this.painter.drawn = box && { ...box, label: this.options.newLabel() };
    } else {
      const item = action.kind === "move"
        ? moved(action.item, dx, dy, editor.width, editor.height)
        : resized(action.item, action.handle, dx, dy, editor.width, editor.height);
      editor.show(editor.replace(item));
    }
    this.painter.paint();
  }

  release(event) {
    this.down.delete(event.pointerId);
    if (this.pinch) {
      if (this.down.size === 0) this.pinch = null;
      return;
    }
    const { action, editor } = this;
    this.action = null;
    if (!action) return;
    const drawn = this.painter.drawn;
    this.painter.drawn = null;
    if (!action.moved) {
      if (action.kind !== "pan" || action.clicks || event.button === 0) this.click(action);
    } else if (action.kind === "draw" && drawn) {
      editor.add([drawn]);
    } else if (action.kind === "move" || action.kind === "resize") {
      editor.commit();
    }
    this.painter.paint();
  }

  click(action) {
    const { editor } = this;
    const margin = (action.touch ? 10 : 3) / this.view.scale;
    const index = smallestAround(editor.items, action.start, margin);
    const suggestion = smallestAround(editor.suggestions, action.start, margin);
    if (suggestion >= 0 && (index < 0 || index === editor.selected)) {
      editor.selected = -1;
      editor.chosenSuggestion = suggestion;
      editor.tell();
    } else {
      editor.select(index);
    }
  }

  cancel(event) {
    this.down.delete(event.pointerId);
    if (this.down.size === 0) this.pinch = null;
    this.abandon();
  }

  /** Give up what was begun, as if it had not been. */
  abandon() {
    const { action, editor } = this;
    this.action = null;
    this.painter.drawn = null;
    if (action?.item && (action.kind === "move" || action.kind === "resize")) editor.show(editor.replace(action.item));
    this.painter.paint();
  }

  hover(screen, event) {
    this.painter.pointer = screen;
    this.painter.paint();
    this.canvas.dispatchEvent(new CustomEvent("hover", { detail: screen && this.view.toPicture(screen.x, screen.y) }));
    if (!screen || this.down.size) return;
    const here = this.view.toPicture(screen.x, screen.y);
    const item = this.editor.current;
    const handle = item && this.options.may() ? handleAt(item, here, this.reach(event)) : "";
    const inside = item && this.options.may() && contains(item, here);
    const sides = { nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw", n: "ns", s: "ns", e: "ew", w: "ew" };
    const free = this.options.hand() || !this.options.may() ? "grab" : "crosshair";
    this.canvas.style.cursor = this.options.hand() ? "grab" : handle ? `${sides[handle]}-resize` : inside ? "move" : free;
  }

  wheel(event) {
    event.preventDefault();
    if (!this.editor.width) return;
    const { x, y } = this.at(event);
    const lines = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
    const strength = event.ctrlKey ? 0.01 : 0.0018; // ctrl: a pinch on a touchpad
    this.view.zoom(Math.exp(-event.deltaY * lines * strength), x, y);
    this.painter.paint();
    this.canvas.dispatchEvent(new Event("zoom"));
  }

  span() {
    const [a, b] = [...this.down.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 10) };
  }

  spread() {
    const now = this.span();
    this.view.pan(now.x - this.pinch.x, now.y - this.pinch.y);
    this.view.zoom(now.distance / this.pinch.distance, now.x, now.y);
    this.pinch = now;
    this.painter.paint();
    this.canvas.dispatchEvent(new Event("zoom"));
  }
}
