// What comes back, as parts of the page. Texts are set as text, never as HTML: they may be anyone's.

import { number, say, whole } from "./words.js";

const MEASURES = ["cosine", "euclidean", "manhattan", "dot"];
const FIRST = 10; // ranks that are seen before the rest is unfolded

export function make(name, attributes = {}, ...children) {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

export const sentence = (text) => make("span", { class: "sentence", lang: "es" }, text);

// A name and a number for each measure.
function measures(scores) {
  const list = make("dl", { class: "measures" });
  for (const name of MEASURES) {
    list.append(make("div", {}, make("dt", {}, say(name)), make("dd", {}, number(scores[name]))));
  }
  return list;
}

// How far a cosine goes from 0 to 1; the number says it too.
function bar(cosine) {
  const filled = make("span");
  filled.style.inlineSize = `${Math.max(0, Math.min(1, cosine)) * 100}%`;
  return make("span", { class: "bar", "aria-hidden": "true" }, filled);
}

export function example({ sentences, scores }) {
  const [first, ...others] = sentences;
  const best = Math.max(...scores.cosine);
  const cards = others.map((text, row) => {
    const own = Object.fromEntries(MEASURES.map((name) => [name, scores[name][row]]));
    const mark = own.cosine === best ? [make("strong", { class: "mark" }, say("most_alike"))] : [];
    return make("li", { class: "card" }, ...mark, sentence(text), bar(own.cosine), measures(own));
  });
  const lead = make("p", { class: "quoted" }, make("strong", { class: "mark" }, say("first")), sentence(first));
  return [lead, make("ol", { class: "cards" }, ...cards)];
}

export const pair = (scores) => [make("div", { class: "card" }, bar(scores.cosine), measures(scores))];

export function ranking({ measure, ranked }) {
  const rows = ranked.map(({ place, sentence: text, score }) => {
    const told = make("span", { class: "note" }, say("line", { line: whole(place + 1) }));
    const shown = measure === "cosine" ? [bar(score)] : [];
    const value = make("span", { class: "score" }, number(score), ...shown);
    return make("li", {}, value, make("span", { class: "found" }, sentence(text), " ", told));
  });
  const list = (some, start) => make("ol", { class: "ranking", start }, ...some);
  if (rows.length <= FIRST) return [list(rows, 1)];
  const rest = rows.slice(FIRST);
  const folded = make("details", {}, make("summary", {}, say("rest", { count: whole(rest.length) })));
  folded.append(list(rest, FIRST + 1));
  return [list(rows.slice(0, FIRST), 1), folded];
}
