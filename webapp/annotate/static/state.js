// The list of pictures and the classes, as the program behind the page has them.

import { ask } from "./api.js";
import { byId } from "./dom.js";
import { app, colours, panel, sidebar } from "./page.js";

const LONGEST_PAUSE = 30000; // ms
let pause = 750; // until the list is asked for again, while pictures are being measured

export async function refresh() {
  const state = await ask("state");
  app.state = state;
  panel.classes = colours.classes = state.classes;
  panel.special = state.specialLabels;
  sidebar.set(state.pictures);
  byId("dataset").textContent = byId("dataset").title = state.dataset;
  document.title = `${state.dataset} - annotate`;
  byId("class-note").hidden = !state.classesAreFixed;
  byId("class-note").textContent = "The steps use the classes of PARAMETERS.py. Add new ones there as well.";
  panel.render();
  if (state.measuring) setTimeout(() => refresh().catch(() => {}), (pause = Math.min(2 * pause, LONGEST_PAUSE)));
}
