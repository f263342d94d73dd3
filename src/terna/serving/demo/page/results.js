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

// Rows of a ranking: score, sentence, where it stands and which rank it has by the other one; key: the words of where.
function ranking(rows, key, other) {
  const items = rows.map(({ line, sentence: text, score, other: rank }) => {
    const ranked = rank === null ? say("other_nothing") : say(other.key, { rank: whole(rank) });
    const told = make("span", { class: "note" }, `${say(key, { line: whole(line) })} · ${ranked}`);
    const value = make("span", { class: "score" }, number(score), ...(other.bars ? [bar(score)] : []));
    return make("li", {}, value, make("span", { class: "found" }, sentence(text), " ", told));
  });
  const list = (some, start) => make("ol", { class: "ranking", start }, ...some);
  if (items.length <= FIRST) return [list(items, 1)];
  const rest = items.slice(FIRST);
  const folded = make("details", {}, make("summary", {}, say("rest", { count: whole(rest.length) })));
  folded.append(list(rest, FIRST + 1));
  return [list(items.slice(0, FIRST), 1), folded];
}

// The model's ranking, and beside it the lexical baseline's; key: the words of where a sentence stands.
export function beside({ measure, ranked, lexical }, key) {
  const model = ranking(ranked, key, { key: "other_letters", bars: measure === "cosine" });
  const letters = lexical.length
    ? ranking(lexical, key, { key: "other_model", bars: true })
    : [make("p", {}, say("nothing"))];
  const column = (name, title, parts) => make("section", { class: name }, make("h3", {}, say(title)), ...parts);
  return [make("div", { class: "beside" }, column("model", "by_model", model), column("letters", "by_letters", letters))];
}
