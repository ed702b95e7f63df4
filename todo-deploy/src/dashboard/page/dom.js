// Making and changing elements. All text goes through textContent: nothing from outside is ever read as markup.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
};
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Changes text only where it differs, so that nothing flickers and no selection is lost. */
const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
const set = (element, name, value) => {
  if (value == null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
};

/** Makes the children of `parent` those of `items`: kept by key, made when new, removed when gone. */
const keyed = (parent, items, key, make, update) => {
  const old = parent.kept ?? new Map();
  const now = new Map(items.map((item) => [key(item), item]));
  // What is gone goes first: then what stays need not be moved, and keeps its focus.
  for (const [id, element] of old) if (!now.has(id)) element.remove();
  parent.kept = new Map();
  let place = parent.firstElementChild;
  for (const [id, item] of now) {
    const element = old.get(id) ?? make(item);
    parent.kept.set(id, element);
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
};

/** A word with a coloured dot; the word says it all without the colour. */
const chip = () => el("span", { class: "chip" });
const wear = (element, [text, tone]) => {
  say(element, text);
  set(element, "data-tone", tone);
};
