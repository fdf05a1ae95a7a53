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
    box.className = each.top < size.height * 0.05 ? "box low" : "box";
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
}

export function showRegions(svg, path, rois, size) {
  svg.hidden = !rois.length;
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  path.setAttribute("d", rois.map(([x1, y1, x2, y2]) => `M${x1} ${y1}H${x2 + 1}V${y2 + 1}H${x1}Z`).join(""));
}
