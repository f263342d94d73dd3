// Groups as points on a plane, and the same as a list: pointing at one lights up the other.

import { make, sentence } from "./results.js";
import { percent, say, whole } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 6;
// with six colours these make thirty marks that differ
const SHAPES = [
  "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
  "M-4.5,-4.5h9v9h-9z",
  "M0,-6l5.6,10h-11.2z",
  "M0,-6.4l6.4,6.4l-6.4,6.4l-6.4,-6.4z",
  "M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
];
const LABELLED = 80; // points up to which each has its number beside it
const REACH = 28; // pixels within which a point is pointed at
const MARGIN = 28;

function draw(name, attributes, ...children) {
  const one = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

const mark = (group, more = {}) =>
  draw("path", { d: SHAPES[group % SHAPES.length], class: `mark-${group % COLOURS}`, ...more });

// Where each point is drawn: both axes to one scale, in the middle.
function places(points, width, height) {
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const spread = (values) => Math.max(...values) - Math.min(...values) || 1e-9;
  const scale = Math.min((width - 2 * MARGIN) / spread(xs), (height - 2 * MARGIN) / spread(ys));
  const flat = Math.max(...[xs, ys].map(spread)) <= 1e-9 ? 0 : scale; // all in one place
  return points.map(([x, y]) => [width / 2 + (x - middle(xs)) * flat, height / 2 - (y - middle(ys)) * flat]);
}

// The picture at the width that it has; seen(row) is called for the point that is pointed at.
function picture(found, width, seen) {
  const height = Math.round(Math.max(260, Math.min(460, width * 0.7)));
  const at = places(found.points, width, height);
  const labelled = at.length <= LABELLED;
  const marks = at.map(([x, y], row) => {
    const label = labelled ? [draw("text", { x: 9, y: 4 }, whole(row + 1))] : [];
    return draw("g", { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` }, mark(found.groups[row]), ...label);
  });
  const frame = draw("rect", { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8, class: "frame" });
  const told = { count: whole(at.length), k: whole(found.middles.length) };
  const svg = draw("svg", { role: "img", "aria-label": say("plot_label", told), viewBox: `0 0 ${width} ${height}` });
  svg.append(frame, ...marks);
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => (value * width) / box.width);
    const far = at.map(([left, top]) => Math.hypot(left - x, top - y));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] <= REACH) seen(nearest);
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  return { svg, marks };
}

// The groups in words: one stop of the tab key, arrows from sentence to sentence.
function listing(sentences, found, seen) {
  const buttons = [];
  const lists = found.middles.map((middle, group) => {
    const rows = found.groups.flatMap((own, row) => (own === group ? [row] : []));
    const icon = draw("svg", { viewBox: "-8 -8 16 16", class: "key", "aria-hidden": "true" }, mark(group));
    const told = say("group_number", { number: whole(group + 1), count: whole(rows.length) });
    const items = rows.map((row) => {
      const note = row === middle ? [" ", make("span", { class: "note" }, `(${say("middle")})`)] : [];
      const label = make("span", { class: "line" }, `${whole(row + 1)}. `);
      const button = make("button", { type: "button", tabindex: buttons.length ? -1 : 0 });
      button.append(label, sentence(sentences[row]), ...note);
      for (const event of ["focus", "pointerenter", "click"]) button.addEventListener(event, () => seen(row));
      buttons.push(button);
      button.dataset.row = row;
      return make("li", {}, button);
    });
    return make("section", {}, make("h3", {}, icon, told), make("ul", {}, ...items));
  });
  const box = make("div", { class: "listing" }, ...lists);
  box.addEventListener("keydown", (event) => walk(event, buttons));
  return { box, buttons };
}

function walk(event, buttons) {
  const from = buttons.indexOf(document.activeElement);
  const last = buttons.length - 1;
  const to = { ArrowDown: Math.min(from + 1, last), ArrowUp: Math.max(from - 1, 0), Home: 0, End: last }[event.key];
  if (from < 0 || to === undefined) return;
  event.preventDefault();
  buttons[from].tabIndex = -1;
  buttons[to].tabIndex = 0;
  buttons[to].focus();
}

// The figure and the list of `sentences` in the groups that were found.
export function grouping(sentences, found) {
  const canvas = make("div", { class: "canvas" });
  const readout = make("p", { class: "readout" }, say("plot_hint"));
  let marks = [];
  let chosen = null;
  const seen = (row) => {
    chosen = row;
    const told = { line: whole(row + 1), sentence: sentences[row], number: whole(found.groups[row] + 1) };
    readout.textContent = say("read", told);
    marks.forEach((one, place) => one.classList.toggle("seen", place === row));
    buttons.forEach((one) => one.classList.toggle("seen", Number(one.dataset.row) === row));
  };
  const { box, buttons } = listing(sentences, found, seen);
  new ResizeObserver(() => {
    const drawn = picture(found, Math.max(240, canvas.clientWidth), seen);
    marks = drawn.marks;
    canvas.replaceChildren(drawn.svg);
    if (chosen !== null) marks[chosen].classList.add("seen");
  }).observe(canvas);
  const caption = make("figcaption", {}, say("plot"));
  const note = make("p", { class: "note" }, say("plot_note", { shown: percent(found.shown) }));
  return [make("div", { class: "grouping" }, make("figure", {}, caption, canvas, readout, note), box)];
}
