// The keyboard: from a key to the name of what it does.

const PLAIN = {
  n: "next", p: "previous", u: "undo", r: "redo", d: "delete", Delete: "delete", Backspace: "delete", c: "copy", q: "quit",
  a: "accept", t: "tighten", f: "fit", h: "hand", s: "save", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", Escape: "escape",
  Enter: "confirm", "?": "help",
};
const WITH_CONTROL = { z: "undo", y: "redo", s: "save" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Call `act(name, argument)` for every key that means something and was not typed into a field. */
export function listen(act) {
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea, dialog");
    if (field || event.altKey || event.isComposing) return;
    const control = event.ctrlKey || event.metaKey;
    const onButton = event.target.closest("button");
    if (event.key in ARROWS) {
      const far = control ? 10 : 1;
      act("nudge", { dx: ARROWS[event.key][0] * far, dy: ARROWS[event.key][1] * far, side: event.shiftKey });
    } else if (control) {
      const name = event.shiftKey && event.key.toLowerCase() === "z" ? "redo" : WITH_CONTROL[event.key.toLowerCase()];
      if (!name) return;
      act(name);
    } else if (/^[0-9]$/.test(event.key)) {
      act("class", event.key);
    } else if (event.key === "Tab" && event.target.id === "canvas") {
      act("step", event.shiftKey ? -1 : 1);
    } else if (event.key === " " && !onButton) {
      act("space", true);
    } else {
      const name = PLAIN[event.key] ?? PLAIN[event.key.toLowerCase()];
      if (!name || (onButton && event.key === "Enter") || (event.repeat && !["undo", "redo", "zoomIn", "zoomOut"].includes(name))) return;
      act(name);
    }
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => event.key === " " && act("space", false));
}
