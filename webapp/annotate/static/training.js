// The window that trains on what is annotated so far, and shows what that reached.

import { actions } from "./actions.js";
import { ask } from "./api.js";
import { current, watch, whenStatus } from "./assist.js";
import * as dialogs from "./dialogs.js";
import { element, many, svg } from "./dom.js";
import { report } from "./page.js";
import { save } from "./saving.js";

const shares = element("input", { type: "checkbox", id: "train-shares" });
const choice = element("p", {}, element("label", { for: "train-shares" }, shares, " also train on a quarter and on half of the pictures, for the curve (takes longer)"));
const now = element("button", { id: "train-now", class: "main", onclick: () => order("train", { withShares: shares.checked }) }, "Train now");
const stop = element("button", { id: "train-stop", onclick: () => order("stopTraining") }, "Stop");
const error = element("p", { id: "training-error", role: "alert" });
const progress = element("div", { role: "status" });
const reached = element("div");
// the buttons stay while the parts around them are made anew: a click must not fall between two of them
const place = element("div", { id: "training" }, progress, choice, element("p", {}, now, stop), error, reached);

const WHAT = "Runs the numbered scripts on every picture whose boxes have a class, and measures on testImages; without any, on every fifth of the pictures, held out. You can go on annotating meanwhile.";

function order(question, content) {
  error.textContent = "";
  ask(question, content).then(watch).catch((failure) => (error.textContent = failure.message));
}

function render({ training, suggestions }) {
  if (!place.isConnected) return;
  const { state } = training;
  const running = state === "running";
  choice.hidden = now.hidden = running;
  stop.hidden = !running;
  if (state === "failed") error.textContent = training.error;
  const parts = [element("p", {}, running ? `Training on ${training.round} …` : WHAT)];
  if (running || state === "failed") parts.push(steps(training), element("pre", { class: "log" }, training.log));
  if (state === "done" && suggestions.state !== "off") parts.push(element("p", {}, "Done. Pictures that are not annotated yet now show its suggestions."));
  progress.replaceChildren(...parts);
  const log = progress.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
  const { curve } = training;
  reached.replaceChildren(...(curve.length ? [element("h2", {}, "Is more annotating worth it?"), chart(curve), verdict(curve)] : []));
}

function steps({ state, step, steps: names }) {
  return element("ol", { class: "steps" }, ...names.map((name, index) => {
    const here = state === "failed" ? "failed" : "now";
    return element("li", { class: index < step ? "done" : index === step ? here : null }, name);
  }));
}

/** mAP over the number of training pictures. */
function chart(curve) {
  const [width, height, left, bottom] = [640, 240, 46, 200];
  const most = Math.max(...curve.map((point) => point.pictures), 1);
  const x = (pictures) => left + ((width - left - 24) * pictures) / most;
  const y = (value) => bottom - (bottom - 14) * value;
  const lines = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    svg("line", { class: "grid", x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
    svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)),
  ]);
  const points = curve.flatMap((point, index) => [
    svg("circle", { class: "dot", cx: x(point.pictures), cy: y(point.mAP), r: 4.5 },
      svg("title", {}, `${many(point.pictures, "picture")}, ${point.boxes} boxes: mAP ${point.mAP.toFixed(3)}, ${many(point.testPictures, "test picture")}, ${point.when}`)),
    svg("text", { x: x(point.pictures), y: y(point.mAP) - 9, "text-anchor": "middle" }, point.mAP.toFixed(2)),
    ...(index && x(point.pictures) - x(curve[index - 1].pictures) < 26 ? [] : [svg("text", { x: x(point.pictures), y: bottom + 18, "text-anchor": "middle" }, point.pictures)]),
  ]);
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "mAP over the number of training pictures" },
    ...lines, svg("polyline", { class: "curve", points: curve.map((point) => `${x(point.pictures)},${y(point.mAP)}`).join(" ") }), ...points,
    svg("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, "training pictures (mAP upwards)"));
}

function verdict(curve) {
  const last = curve.at(-1);
  const tested = `measured on ${many(last.testPictures, last.heldOut ? "picture" : "test picture")}${last.heldOut ? " held out from training" : ""}, trained in ${Math.round(last.seconds)} s`;
  if (curve.length < 2) return element("p", { class: "note" }, `One training so far: mAP ${last.mAP.toFixed(2)}, ${tested}. Annotate more and train again to see what it brings.`);
  const before = curve.at(-2);
  const gained = last.mAP - before.mAP;
  const more = many(last.pictures - before.pictures, "more picture");
  return element("p", { class: "note" }, `${more} brought ${gained >= 0 ? "+" : "−"}${Math.abs(gained).toFixed(2)}; ${tested}. ` +
    (gained > 0.02 ? "The curve still rises: more annotating pays." : "The curve is flat here: look at the report and the kinds of mistakes before annotating more.") +
    (last.testPictures < 10 ? " With so few test pictures small differences mean nothing." : ""));
}

whenStatus(render);

actions.train = async () => {
  if (!(await save())) return;
  const closed = dialogs.open("Train on what is annotated so far", [place]);
  render(current());
  await watch().catch(report);
  await closed;
};
