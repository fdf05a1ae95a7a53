// Boxes and regions over the picture. Boxes are inclusive pixels: a box covers right - left + 1 of them.
const percent = (part, whole) => `${(100 * part) / whole}%`;

export function textColor(color) {
  const channels = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#fff" : "#000";
}

export function showBoxes(layer, found, size, colors) {
  const boxes = found.map((each) => {
    const box = document.createElement("div");
    box.className = "box";
    box.style.left = percent(each.left, size.width);
    box.style.top = percent(each.top, size.height);
    box.style.width = percent(each.right - each.left + 1, size.width);
    box.style.height = percent(each.bottom - each.top + 1, size.height);
    const color = colors[each.label] ?? "#888888";
    box.style.setProperty("--c", color);
    box.style.setProperty("--t", textColor(color));
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.textContent = `${each.label} ${each.score.toFixed(2)}`;
    box.append(chip);
    return box;
  });
  layer.classList.remove("dim");
  layer.replaceChildren(...boxes.reverse()); // the best one lies on top
  placeChips(layer);
}

// Gives each chip, the best one first, the first place around its box that is inside the picture and free.
export function placeChips(layer) {
  const frame = layer.getBoundingClientRect();
  const placed = [];
  for (const box of [...layer.children].reverse()) {
    const chip = box.firstChild;
    const free = ["", "right", "below", "below right", "inside", "inside right"].find((place) => {
      box.className = `box ${place}`.trim();
      const rect = chip.getBoundingClientRect();
      const outside = rect.top < frame.top || rect.bottom > frame.bottom || rect.left < frame.left - 3 || rect.right > frame.right + 3;
      return !outside && !placed.some((other) => rect.left < other.right && other.left < rect.right
        && rect.top < other.bottom && other.top < rect.bottom);
    });
    box.className = `box ${free ?? (box.getBoundingClientRect().top - 20 < frame.top ? "inside" : "")}`.trim();
    placed.push(chip.getBoundingClientRect());
  }
}

export function showRegions(svg, path, rois, size) {
  svg.toggleAttribute("hidden", !rois.length); // an SVG element has no property hidden
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  path.setAttribute("d", rois.map(([x1, y1, x2, y2]) => `M${x1} ${y1}H${x2 + 1}V${y2 + 1}H${x1}Z`).join(""));
}
