// A colour for each class: the same for the same place in the list, far from its neighbours.

const SPECIAL = { "": "#ffb52e", UNDECIDED: "#b9c2cb", EXCLUDE: "#8d99a6" };
const BEST = ["#3b9dff", "#ff5d5d", "#35c76f", "#c678ff", "#ff9a3d", "#24c8c8", "#ff6fb1", "#b3c332", "#8c8cff", "#d9a066"];

export class Colours {
  constructor() {
    this.classes = [];
  }

  of(label) {
    if (label in SPECIAL) return SPECIAL[label];
    const index = this.classes.indexOf(label);
    if (index < 0) return SPECIAL[""];
    return index < BEST.length ? BEST[index] : `hsl(${Math.round(index * 137.508) % 360} 75% 62%)`;
  }
}
