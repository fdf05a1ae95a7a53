// The list of pictures and the classes, as the program behind the page has them.

import { ask } from "./api.js";
import { byId } from "./dom.js";
import { app, colours, panel, sidebar } from "./page.js";

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
  if (state.measuring) setTimeout(() => refresh().catch(() => {}), 1500);
}
