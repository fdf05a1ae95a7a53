// The window that sorts new pictures into the folders of the data set.

import { ask } from "./api.js";
import * as dialogs from "./dialogs.js";
import { element, many } from "./dom.js";
import { show } from "./opening.js";
import { app, banner, editor, report } from "./page.js";
import { save } from "./saving.js";
import { refresh } from "./state.js";

export async function sortNew() {
  if (!(await save())) return;
  const share = element("input", { type: "number", min: 0, max: 90, value: 20, id: "split-share" });
  const seed = element("input", { type: "number", min: 0, value: app.state.seed, id: "split-seed" });
  const outcome = element("p", { role: "status", id: "split-plan" });
  let plan = {};
  const preview = async () => {
    try {
      const answer = await ask("split", { share: Number(share.value) / 100, seed: Number(seed.value), carryOut: false });
      plan = answer.plan;
      const count = (folder) => Object.values(plan).filter((each) => each === folder).length;
      outcome.textContent = `${count("positive")} to positive, ${count("testImages")} to testImages, ${count("negative")} without boxes to negative` +
        (answer.waiting ? `; ${many(answer.waiting, "picture")} not annotated yet stay${answer.waiting === 1 ? "s" : ""}.` : ".");
    } catch (error) {
      outcome.textContent = error.message;
    }
  };
  share.addEventListener("input", preview);
  seed.addEventListener("input", preview);
  await preview();
  const choice = await dialogs.open("Sort new pictures", [
    "Annotated pictures that lie directly in the data set's folder are moved, with their boxes. Which ones become test pictures is drawn by chance; the same seed draws the same. Near-copies stay together.",
    element("div", { class: "form" }, element("label", { for: "split-share" }, "Test pictures, %"), share, element("label", { for: "split-seed" }, "Seed"), seed),
    outcome,
  ], [["cancel", "Cancel"], ["ok", "Move them", true]]);
  if (choice !== "ok") return;
  try {
    const answer = await ask("split", { share: Number(share.value) / 100, seed: Number(seed.value), carryOut: true });
    await refresh();
    const name = editor.picture.id;
    if (answer.plan[name]) await show(`${answer.plan[name]}/${name}`);
    banner(`${many(Object.keys(answer.plan).length, "picture")} moved.`);
  } catch (error) {
    report(error);
    await refresh();
  }
}
