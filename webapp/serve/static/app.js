// The page: takes a picture, sends it, hands what came to the parts that show it.
import { ask, setKey, waitForModel } from "/static/service.js";
import { cameraPicture } from "/static/camera.js";
import { saveJson, savePicture } from "/static/saving.js";
import { placeChips, showBoxes, showRegions } from "/static/overlay.js";
import { showList, showTimes } from "/static/results.js";

const $ = (id) => document.getElementById(id);
const state = { model: null, colors: {}, answer: null, url: "", number: 0, last: null };

function shown() {
  const from = Number($("threshold").value);
  return state.answer ? state.answer.detections.filter((each) => each.score >= from) : [];
}

function render() {
  const { answer } = state;
  $("threshold-value").textContent = Number($("threshold").value).toFixed(2);
  if (!answer) return;
  const found = shown();
  const all = answer.detections.length;
  $("found").textContent = found.length === 1 ? "1 object found" : `${found.length} objects found`;
  $("hint").textContent = found.length < all ? `${all - found.length} more have a lower score.` : all ? "" :
    "Nothing of the known classes is in this picture.";
  showBoxes($("boxes"), $("show-boxes").checked ? found : [], answer, state.colors);
  showRegions($("rois"), $("rois-path"), $("show-rois").checked ? answer.rois : [], answer);
  showList($("list"), found, $("image"), state.colors, $("boxes"));
  for (const id of ["save-picture", "save-json"]) $(id).disabled = false;
}

function setSlider(answer) {
  const slider = $("threshold");
  const scores = answer.detections.map((each) => each.score);
  const margins = state.model.classifier === "svm";
  const low = margins ? Math.min(0, ...scores) : 0;
  const high = margins ? Math.max(1, ...scores) : 1;
  const kept = slider.disabled ? (state.model.threshold ?? low) : Number(slider.value);
  slider.min = Math.floor(low * 20) / 20;
  slider.max = Math.ceil(high * 20) / 20;
  slider.value = kept;
  slider.disabled = false;
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

async function detect(blob) {
  if (!blob) return;
  const number = ++state.number; // a later picture overtakes an earlier one
  state.last = blob;
  complain("");
  URL.revokeObjectURL(state.url);
  state.url = URL.createObjectURL(blob);
  state.answer = null;
  $("boxes").replaceChildren();
  $("rois").toggleAttribute("hidden", true);
  $("list").replaceChildren();
  $("found").textContent = "Looking …";
  $("hint").textContent = "";
  $("time").hidden = true;
  const image = $("image");
  image.src = state.url;
  const drawable = image.decode().then(() => true, () => false);
  $("empty").hidden = true;
  $("picture").hidden = false;
  $("busy").hidden = false;
  try {
    const answer = await ask("/detect?format=details", { method: "POST", body: blob });
    if (number !== state.number) return;
    if (!(await drawable)) complain("The service could read the picture, but this browser cannot show it.");
    state.answer = answer;
    setSlider(answer);
    showTimes($("time"), $("time-total"), $("time-bar"), $("time-list"), answer.seconds);
    render();
  } catch (fault) {
    if (number !== state.number) return;
    if (!(await drawable)) { $("picture").hidden = true; $("empty").hidden = false; }
    $("found").textContent = "Nothing found";
    if (fault.status === 401) askForKey();
    complain(fault.message);
  } finally {
    if (number === state.number) $("busy").hidden = true;
  }
}

function askForKey() {
  $("key-form").hidden = false;
  $("key").focus();
}

async function loadModel() {
  try {
    const { model, classes } = await waitForModel((text) => { $("model").textContent = text; });
    state.model = model;
    state.colors = Object.fromEntries(classes.map((each) => [each.name, each.color]));
    const measured = model.measured ? `, mAP ${model.measured.mAP_area.toFixed(2)}` : "";
    $("model").textContent =
      `${model.dataset}: ${classes.length} classes, classifier ${model.classifier}${measured}`;
    $("model").title = model.classes.join(", ");
    $("rois-label").textContent = model.classifier === "faster" ? "Proposals of the network" : "Regions that were looked at";
    if (!$("threshold").disabled) return;
    $("threshold").value = model.threshold ?? 0;
    $("threshold-value").textContent = Number($("threshold").value).toFixed(2);
  } catch (fault) {
    if (fault.status === 401) { $("model").textContent = ""; askForKey(); } else { complain(fault.message); }
  }
}

const pictureIn = (transfer) => [...(transfer?.files ?? [])][0];

$("file").addEventListener("change", (event) => { detect(event.target.files[0]); event.target.value = ""; });
$("capture").addEventListener("change", (event) => { detect(event.target.files[0]); event.target.value = ""; });
$("threshold").addEventListener("input", render);
$("show-boxes").addEventListener("change", render);
$("show-rois").addEventListener("change", render);
$("save-json").addEventListener("click", () => saveJson(state.answer, shown(), Number($("threshold").value), state.model));
$("save-picture").addEventListener("click", () => savePicture($("image"), state.answer, shown(), state.colors));
$("camera").addEventListener("click", async () => {
  try {
    detect(await cameraPicture($("camera-dialog"), $("video"), $("shoot"), $("no-camera"), $("capture")));
  } catch (fault) {
    complain(`The camera cannot be used: ${fault.message}`);
  }
});
$("paste").addEventListener("click", async () => {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (type) return detect(await item.getType(type));
    }
    complain("There is no picture in the clipboard.");
  } catch {
    complain("This browser does not hand the clipboard to a button: press Ctrl+V instead.");
  }
});
addEventListener("resize", () => placeChips($("boxes")));
document.addEventListener("paste", (event) => {
  const picture = pictureIn(event.clipboardData);
  if (picture) { event.preventDefault(); detect(picture); }
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); $("stage").classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("stage").classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("stage").classList.remove("over");
  const picture = pictureIn(event.dataTransfer);
  if (picture) detect(picture); else complain("What was dropped is no file.");
});
$("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  setKey($("key").value);
  $("key-form").hidden = true;
  complain("");
  await loadModel();
  if (state.model && state.last) detect(state.last);
});
loadModel();
