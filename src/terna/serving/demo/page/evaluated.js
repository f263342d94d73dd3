// What was measured of the model: a caveat unless it is better than the lexical baselines.

import { make } from "./results.js";
import { number, say, sayOr } from "./words.js";

const figure = (value) => (value === null ? "—" : number(value));

function verdict({ benchmark, use, outcome, baseline, score, figures }) {
  const [ours, theirs, difference, low, high] = figures.map(figure);
  const told = { benchmark, score, ours, theirs, difference, low, high };
  told.use = sayOr(`use_${use.replace(/\W+/g, "_")}`, use);
  told.baseline = sayOr(`baseline_${baseline}`, baseline);
  told.outcome = sayOr(`outcome_${outcome}`, outcome);
  return make("p", {}, say("verdict", told));
}

export function evaluated(found) {
  if (!found) return [make("p", { class: "note" }, say("not_evaluated"))];
  const verdicts = found.verdicts.map(verdict);
  if (found.proven) return [make("div", { class: "note" }, ...verdicts)];
  const title = make("strong", {}, say("caveat"));
  return [make("div", { class: "caveat" }, title, ...verdicts, make("p", {}, say("unproven")))];
}
