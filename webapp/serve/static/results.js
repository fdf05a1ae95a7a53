// The list of what was found, with a crop of each, and where the time went.
const STAGES = { decoding: "Decoding the picture", rois: "Regions of interest", network: "Network", scoring: "Scoring" };
const CROP = 96;

export function showList(list, found, image, colors, layer) {
  const drawn = layer.childElementCount === found.length;
  const light = (position, on) => {
    if (!drawn) return;
    layer.classList.toggle("dim", on);
    layer.children[found.length - 1 - position].classList.toggle("strong", on);
  };
  list.replaceChildren(...found.map((each, position) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const name = document.createElement("span");
    name.className = "name";
    const dot = document.createElement("span");
    dot.className = "dot";
    dot.style.setProperty("--c", colors[each.label] ?? "#888888");
    const place = document.createElement("span");
    place.className = "place";
    place.textContent = `${each.left}, ${each.top} to ${each.right}, ${each.bottom}`;
    name.append(dot, each.label, place);
    const score = document.createElement("span");
    score.className = "score";
    score.textContent = each.score.toFixed(2);
    button.append(crop(image, each), name, score);
    button.setAttribute("aria-label", `${each.label}, score ${each.score.toFixed(2)}, at ${place.textContent}`);
    for (const [event, on] of [["mouseenter", true], ["mouseleave", false], ["focus", true], ["blur", false]]) {
      button.addEventListener(event, () => light(position, on));
    }
    button.addEventListener("click", () => light(position, true));
    item.append(button);
    return item;
  }));
}

function crop(image, box) {
  const canvas = document.createElement("canvas");
  canvas.width = CROP;
  canvas.height = CROP;
  canvas.setAttribute("aria-hidden", "true");
  const width = box.right - box.left + 1;
  const height = box.bottom - box.top + 1;
  const scale = CROP / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  try {
    canvas.getContext("2d").drawImage(image, box.left, box.top, width, height, (CROP - w) / 2, (CROP - h) / 2, w, h);
  } catch { /* a picture that the browser cannot show has no crops */ }
  return canvas;
}

export function showTimes(card, total, bar, list, seconds) {
  const stages = Object.keys(STAGES).filter((name) => name in seconds);
  const milliseconds = (value) => `${(1000 * value).toFixed(value < 0.01 ? 1 : 0)} ms`;
  total.textContent = milliseconds(stages.reduce((sum, name) => sum + seconds[name], 0));
  bar.replaceChildren(...stages.map((name) => {
    const part = document.createElement("i");
    part.style.flexGrow = String(1000 * Math.max(seconds[name], 0));
    part.style.setProperty("--k", `var(--${name})`);
    return part;
  }));
  list.replaceChildren(...stages.flatMap((name) => {
    const term = document.createElement("dt");
    term.textContent = STAGES[name];
    term.style.setProperty("--k", `var(--${name})`);
    const value = document.createElement("dd");
    value.textContent = milliseconds(seconds[name]);
    return [term, value];
  }));
  card.hidden = false;
}
