// Saves the picture with its boxes in full size, and what is shown as JSON.
import { textColor } from "/static/overlay.js";

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export function saveJson(answer, found, threshold, model) {
  const content = {
    width: answer.width, height: answer.height, model: model.version, threshold, detections: found,
  };
  save(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }), "detections.json");
}

export function savePicture(image, answer, found, colors) {
  const canvas = document.createElement("canvas");
  canvas.width = answer.width;
  canvas.height = answer.height;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, answer.width, answer.height);
  const unit = Math.max(answer.width, answer.height);
  const line = Math.max(1.5, unit / 400);
  const size = Math.min(40, Math.max(11, unit / 57));
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  for (const each of [...found].reverse()) {
    const color = colors[each.label] ?? "#888888";
    const [width, height] = [each.right - each.left + 1, each.bottom - each.top + 1];
    pen.strokeStyle = "rgba(20,20,20,.55)";
    pen.lineWidth = line + 2;
    pen.strokeRect(each.left, each.top, width, height);
    pen.strokeStyle = color;
    pen.lineWidth = line;
    pen.strokeRect(each.left, each.top, width, height);
    const text = `${each.label} ${each.score.toFixed(2)}`;
    const [chipWidth, chipHeight] = [pen.measureText(text).width + size * 0.6, size * 1.3];
    const x = Math.max(0, Math.min(each.left - line / 2, answer.width - chipWidth));
    const y = each.top - chipHeight >= 0 ? each.top - chipHeight : each.top;
    pen.fillStyle = color;
    pen.fillRect(x, y, chipWidth, chipHeight);
    pen.fillStyle = textColor(color);
    pen.fillText(text, x + size * 0.3, y + chipHeight / 2);
  }
  canvas.toBlob((blob) => save(blob, "detections.jpg"), "image/jpeg", 0.92);
}
