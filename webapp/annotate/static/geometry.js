// Boxes as the files have them: {x1, y1, x2, y2}, whole pixels of the original picture, right and bottom included.
// On the picture's plane such a box covers the square from (x1, y1) to (x2 + 1, y2 + 1).

export const SMALLEST = 1; // pixels

const limit = (value, low, high) => Math.min(Math.max(value, low), high);

/** The box between two points of the plane, inside a picture of `width` x `height`; null when it is too small. */
export function boxBetween(a, b, width, height) {
  const x1 = limit(Math.round(Math.min(a.x, b.x)), 0, width - 1);
  const y1 = limit(Math.round(Math.min(a.y, b.y)), 0, height - 1);
  const x2 = limit(Math.round(Math.max(a.x, b.x)) - 1, 0, width - 1);
  const y2 = limit(Math.round(Math.max(a.y, b.y)) - 1, 0, height - 1);
  return x2 - x1 + 1 < SMALLEST || y2 - y1 + 1 < SMALLEST ? null : { x1, y1, x2, y2 };
}

/** `box` moved by whole pixels, stopped at the edges of the picture. */
export function moved(box, dx, dy, width, height) {
  const x = limit(Math.round(dx), -box.x1, width - 1 - box.x2);
  const y = limit(Math.round(dy), -box.y1, height - 1 - box.y2);
  return { ...box, x1: box.x1 + x, y1: box.y1 + y, x2: box.x2 + x, y2: box.y2 + y };
}

/** `box` with the sides that `handle` names (letters of "nwse") moved; a side can be dragged beyond its opposite. */
export function resized(box, handle, dx, dy, width, height) {
  let [left, top, right, bottom] = [box.x1, box.y1, box.x2 + 1, box.y2 + 1];
  if (handle.includes("w")) left += dx;
  if (handle.includes("e")) right += dx;
  if (handle.includes("n")) top += dy;
  if (handle.includes("s")) bottom += dy;
  const round = (value, end) => limit(Math.round(value), 0, end);
  [left, right] = [round(left, width), round(right, width)].sort((a, b) => a - b);
  [top, bottom] = [round(top, height), round(bottom, height)].sort((a, b) => a - b);
  if (right - left < SMALLEST) right = Math.min(left + SMALLEST, width), (left = right - SMALLEST);
  if (bottom - top < SMALLEST) bottom = Math.min(top + SMALLEST, height), (top = bottom - SMALLEST);
  return { ...box, x1: left, y1: top, x2: right - 1, y2: bottom - 1 };
}

/** `box` cut to the picture, at least the smallest size. */
export function clipped(box, width, height) {
  return resized(box, "", 0, 0, width, height);
}

export const area = (box) => (box.x2 - box.x1 + 1) * (box.y2 - box.y1 + 1);

export const contains = (box, point, margin = 0) =>
  point.x >= box.x1 - margin && point.x <= box.x2 + 1 + margin && point.y >= box.y1 - margin && point.y <= box.y2 + 1 + margin;

/** The index of the smallest of `boxes` around `point`, or -1. `margin` in pixels of the picture. */
export function smallestAround(boxes, point, margin) {
  let best = -1;
  boxes.forEach((box, index) => {
    if (contains(box, point, margin) && (best < 0 || area(box) < area(boxes[best]))) best = index;
  });
  return best;
}

/** Where the handles of `box` are: [{name, x, y}] on the plane. */
export function handles(box) {
  const [left, top, right, bottom] = [box.x1, box.y1, box.x2 + 1, box.y2 + 1];
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return [
    { name: "nw", x: left, y: top }, { name: "ne", x: right, y: top },
    { name: "sw", x: left, y: bottom }, { name: "se", x: right, y: bottom },
    { name: "n", x, y: top }, { name: "s", x, y: bottom },
    { name: "w", x: left, y }, { name: "e", x: right, y },
  ];
}

/** The handle of `box` at `point`: corners first, then anywhere on a side; "" for none. `reach` in picture pixels. */
export function handleAt(box, point, reach) {
  const near = handles(box).find((h) => Math.abs(h.x - point.x) <= reach && Math.abs(h.y - point.y) <= reach);
  if (near) return near.name;
  if (!contains(box, point, reach)) return "";
  const side = reach * 0.6;
  if (Math.abs(point.y - box.y1) <= side) return "n";
  if (Math.abs(point.y - box.y2 - 1) <= side) return "s";
  if (Math.abs(point.x - box.x1) <= side) return "w";
  if (Math.abs(point.x - box.x2 - 1) <= side) return "e";
  return "";
}

export const sameBox = (a, b) => a.x1 === b.x1 && a.y1 === b.y1 && a.x2 === b.x2 && a.y2 === b.y2;
