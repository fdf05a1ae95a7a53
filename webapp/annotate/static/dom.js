// Elements, made without markup in texts: whatever a label or a file name holds, it stays text.

export const byId = (id) => document.getElementById(id);

/** element("li", {class: "name", "aria-label": "..."}, "text", child, ...); properties that are null are left out. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(tag, properties = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Scroll `list`, and nothing around it, so that `row` is seen. */
export function reveal(list, row) {
  if (!row) return;
  const below = row.offsetTop + row.offsetHeight - list.clientHeight;
  list.scrollTop = Math.min(Math.max(list.scrollTop, below), row.offsetTop);
}

export const many = (count, one, several = `${one}s`) => `${count} ${count === 1 ? one : several}`;
