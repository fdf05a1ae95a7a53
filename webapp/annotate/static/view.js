// Which part of the picture is on the screen: screen = picture * scale + offset, in CSS pixels of the canvas.

const LARGEST = 40; // screen pixels for one of the picture

export class View {
  constructor() {
    this.width = this.height = 1; // of the canvas
    this.picture = { width: 1, height: 1 };
    this.scale = 1;
    this.x = this.y = 0;
    this.fitted = true;
  }

  /** The canvas has another size now. */
  resize(width, height) {
    this.width = width;
    this.height = height;
    if (this.fitted) this.fit();
  }

  /** Another picture; its whole is shown. */
  show(width, height) {
    this.picture = { width, height };
    this.fit();
  }

  fitScale() {
    const room = Math.min(this.width - 24, 4000), tall = this.height - 24 - 22; // 22: the status line
    return Math.max(Math.min(room / this.picture.width, tall / this.picture.height), 1e-4);
  }

  fit() {
    this.scale = Math.min(this.fitScale(), 8);
    this.x = (this.width - this.picture.width * this.scale) / 2;
    this.y = (this.height - 22 - this.picture.height * this.scale) / 2;
    this.fitted = true;
  }

  /** Zoom by `factor` so that the point of the screen under (x, y) stays. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.fitScale() / 2), LARGEST);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.keepInReach();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.keepInReach();
  }

  /** Some of the picture always stays on the screen. */
  keepInReach() {
    const rest = 60;
    this.x = Math.min(Math.max(this.x, rest - this.picture.width * this.scale), this.width - rest);
    this.y = Math.min(Math.max(this.y, rest - this.picture.height * this.scale), this.height - rest);
  }

  toPicture(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toScreen(x, y) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }
}
