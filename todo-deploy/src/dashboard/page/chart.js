// One line chart: an axis of time, lines or steps, a threshold, marks where the capacity changed.
const MARGIN = { top: 8, right: 10, bottom: 20, left: 44 };
let charts = 0;

const nice = (most, whole) => {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const steps = [1, 2, 2.5, 5, 10].map((m) => m * power).filter((candidate) => !whole || Number.isInteger(candidate));
  const step = steps.find((candidate) => candidate * 4 >= most * 0.999) ?? 1;
  return { step, top: Math.ceil(most / step - 1e-9) * step };
};
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800];

class Chart {
  constructor(title, { unit = "", height = 150, heading = "h3", quiet = false, steps = false, testid } = {}) {
    Object.assign(this, { title, unit, height, whole: steps, id: `clip-${(charts += 1)}`, cursor: null });
    this.key = el("p", { class: "key" });
    this.when = el("span", { class: "when quiet" });
    this.drawing = svg("svg", { role: "img", height });
    this.figure = el("figure", { class: "chart", "data-testid": testid },
      el("figcaption", {}, el(heading, { class: quiet ? "hidden" : null }, title), quiet ? this.key : null, this.when), quiet ? null : this.key, this.drawing);
    this.layers = {};
    for (const layer of ["grid", "marks", "lines", "breach", "limit", "cursor"]) {
      this.drawing.append((this.layers[layer] = svg("g", { class: layer })));
    }
    this.window = svg("rect");
    this.beyond = svg("rect");
    this.drawing.prepend(svg("defs", {}, svg("clipPath", { id: this.id }, this.beyond),
      svg("clipPath", { id: `${this.id}-all` }, this.window)));
    for (const layer of ["lines", "breach", "marks"]) this.layers[layer].setAttribute("clip-path", `url(#${this.id}-all)`);
    this.drawing.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.drawing.addEventListener("pointerleave", () => this.point(null));
    new ResizeObserver(() => this.data && this.draw()).observe(this.drawing);
  }

  /** `lines`: `{name, tone, points: [[seconds, value or null]], steps}`; `limit`: `{value, upward, text}`. */
  update(data) {
    this.data = data;
    if (this.drawing.clientWidth > 0) this.draw();
  }

  point(offset) {
    this.cursor = offset;
    if (this.data) this.draw();
  }

  draw() {
    const { from, to, lines, limit, marks = [] } = this.data;
    const width = this.drawing.clientWidth || 600;
    set(this.drawing, "viewBox", `0 0 ${width} ${this.height}`);
    const right = width - MARGIN.right;
    const bottom = this.height - MARGIN.bottom;
    const values = lines.flatMap((line) => line.points.map(([, value]) => value ?? 0));
    const most = Math.max(...values, (limit?.value ?? 0) * 1.2, this.data.least ?? 0);
    const { step, top } = nice(most || 1, this.whole);
    const span = Math.max(to - from, 1e-6);
    const x = (seconds) => MARGIN.left + ((right - MARGIN.left) * (seconds - from)) / span;
    const y = (value) => bottom - ((bottom - MARGIN.top) * value) / top;
    this.drawGrid({ from, to, x, y, step, top, right, bottom });
    for (const [name, value] of Object.entries({ x: MARGIN.left, y: 0, width: Math.max(right - MARGIN.left, 0), height: bottom + 1 })) {
      set(this.window, name, value);
    }
    keyed(this.layers.lines, lines, (line) => line.name, () => svg("path"), (path, line) => {
      set(path, "class", `line ${line.tone}`);
      set(path, "d", trace(line, x, y, to));
    });
    this.drawLimit(limit, lines, { x, y, right, bottom, to });
    keyed(this.layers.marks, marks.filter((mark) => mark.at >= from), (mark) => mark.at,
      () => svg("g", {}, svg("line"), svg("path"), svg("title")), (group, mark) => {
        const [line, head, title] = group.children;
        const at = x(mark.at);
        set(group, "class", mark.up ? "mark up" : "mark");
        for (const [name, value] of Object.entries({ x1: at, x2: at, y1: MARGIN.top, y2: bottom })) set(line, name, value.toFixed(1));
        set(head, "d", mark.up ? `M${at - 4} 8h8l-4-6z` : `M${at - 4} 2h8l-4 6z`);
        say(title, `${clock(mark.at)} ${mark.text}`);
      });
    this.drawKey(lines, { from, to, x, bottom, span, right });
    set(this.drawing, "aria-label", this.summary());
  }

  drawGrid({ from, to, x, y, step, top, right, bottom }) {
    const levels = [];
    for (let value = 0; value <= top * 1.001; value += step) levels.push(value);
    const every = TIME_STEPS.find((seconds) => (to - from) / seconds <= Math.max((right - MARGIN.left) / 90, 2)) ?? 604800;
    const moments = [];
    for (let at = Math.ceil(from / every) * every; at <= to; at += every) moments.push(at);
    const items = [...levels.map((value) => ({ id: `y${value}`, value })), ...moments.map((at) => ({ id: `x${at}`, at }))];
    keyed(this.layers.grid, items, (item) => item.id,
      (item) => svg("g", {}, item.at == null ? svg("line") : null, svg("text", { class: item.at == null ? "y" : "x" })), (group, item) => {
        const text = group.lastChild;
        if (item.at == null) {
          const level = y(item.value).toFixed(1);
          const line = group.firstChild;
          for (const [name, value] of Object.entries({ x1: MARGIN.left, x2: right, y1: level, y2: level })) set(line, name, value);
          set(text, "x", MARGIN.left - 6);
          set(text, "y", Number(level) + 4);
          say(text, number(item.value));
        } else {
          const at = x(item.at);
          set(text, "x", at.toFixed(1));
          set(text, "y", bottom + 15);
          set(text, "class", at > right - 16 ? "x end" : "x");
          say(text, clock(item.at));
        }
      });
  }

  /** The threshold as a dashed line with its name; what lies beyond it is filled. */
  drawLimit(limit, lines, { x, y, right, bottom, to }) {
    keyed(this.layers.limit, limit ? [limit] : [], () => "limit", () => svg("g", {}, svg("line"), svg("text")), (group) => {
      const [line, text] = group.children;
      const level = y(limit.value);
      for (const [name, value] of Object.entries({ x1: MARGIN.left, x2: right, y1: level, y2: level })) set(line, name, value.toFixed(1));
      set(text, "x", right - 2);
      set(text, "y", (limit.upward || level > bottom - 14 ? level - 5 : level + 13).toFixed(1));
      say(text, limit.text);
    });
    if (limit) {
      const level = y(limit.value);
      const box = limit.upward ? { y: 0, height: level } : { y: level, height: Math.max(bottom - level, 0) };
      for (const [name, value] of Object.entries({ x: 0, width: right + MARGIN.right, ...box })) set(this.beyond, name, value);
    }
    keyed(this.layers.breach, limit ? lines.slice(0, 1) : [], (line) => line.name,
      () => svg("g", { "clip-path": `url(#${this.id})` }, svg("path", { class: "area" }), svg("path", { class: "line beyond" })), (group, line) => {
        set(group.firstChild, "d", area(line, x, y, y(limit.value)));
        set(group.lastChild, "d", trace(line, x, y, to));
      });
  }

  /** The legend holds the newest values, or those under the pointer. */
  drawKey(lines, { from, x, bottom, span, right }) {
    const pointed = this.cursor != null && this.cursor >= MARGIN.left && this.cursor <= right;
    const at = pointed ? from + (span * (this.cursor - MARGIN.left)) / Math.max(right - MARGIN.left, 1) : null;
    keyed(this.layers.cursor, pointed ? [0] : [], () => "cursor", () => svg("line"), (line) => {
      const place = x(at).toFixed(1);
      for (const [name, value] of Object.entries({ x1: place, x2: place, y1: MARGIN.top, y2: bottom })) set(line, name, value);
    });
    say(this.when, pointed ? `at ${clock(at)}` : "");
    keyed(this.key, lines, (line) => line.name, () => el("span", {}, el("i"), el("span"), " ", el("b")), (entry, line) => {
      const [swatch, name, value] = entry.children;
      set(swatch, "class", line.tone);
      say(name, line.name);
      say(value, this.worded(valueAt(line, at)));
    });
  }

  worded(value) {
    if (value == null) return NONE;
    if (this.unit === "ms") return millis(value);
    if (this.unit === "B") return bytes(value);
    return this.unit ? `${number(value)} ${this.unit}` : number(value);
  }

  /** What the chart shows, for those who do not see it. */
  summary() {
    const { from, to, lines, limit } = this.data;
    const each = lines.map((line) => {
      const values = line.points.map(([, value]) => value).filter((value) => value != null);
      if (values.length === 0) return `${line.name}: nothing measured`;
      return `${line.name}: now ${this.worded(valueAt(line, null))}, between ${this.worded(Math.min(...values))} and ${this.worded(Math.max(...values))}`;
    });
    const against = limit ? `; threshold ${limit.text}` : "";
    return `${this.title}, ${clock(from)} to ${clock(to)}. ${each.join("; ")}${against}.`;
  }
}

/** The pieces of a line between its gaps. */
const pieces = (points) => points.reduce((found, point) => {
  if (point[1] == null) found.push([]);
  else found.at(-1).push(point);
  return found;
}, [[]]).filter((piece) => piece.length > 0);

const trace = (line, x, y, to) => {
  const place = ([seconds, value]) => `${x(seconds).toFixed(1)} ${y(value).toFixed(1)}`;
  if (line.steps) {
    const path = line.points.map(([seconds, value], index) =>
      index === 0 ? `M${x(seconds).toFixed(1)} ${y(value).toFixed(1)}` : `H${x(seconds).toFixed(1)}V${y(value).toFixed(1)}`);
    return path.length ? `${path.join("")}H${x(to).toFixed(1)}` : "";
  }
  // A point alone between gaps is still seen: a line of no length has round ends.
  return pieces(line.points).map((piece) => `M${piece.map(place).join("L")}${piece.length === 1 ? "h.01" : ""}`).join("");
};

const area = (line, x, y, level) => pieces(line.points).map((piece) => {
  const path = piece.map(([seconds, value]) => `${x(seconds).toFixed(1)} ${y(value).toFixed(1)}`);
  return `M${x(piece[0][0]).toFixed(1)} ${level.toFixed(1)}L${path.join("L")}L${x(piece.at(-1)[0]).toFixed(1)} ${level.toFixed(1)}z`;
}).join("");

/** The value at a moment, or the newest. */
const valueAt = (line, at) => {
  if (at == null) {
    const last = line.points.findLast(([, value]) => value != null);
    return last?.[1];
  }
  if (line.steps) return line.points.findLast(([seconds]) => seconds <= at)?.[1];
  let best = null;
  for (const [seconds, value] of line.points) if (best == null || Math.abs(seconds - at) < Math.abs(best[0] - at)) best = [seconds, value];
  return best?.[1];
};

/** Points of a grid, each at the middle of its bin. */
const pointsOf = (grid) => (grid?.values ?? []).map((value, index) => [grid.start + (index + 0.5) * grid.step, value]);
