// The page: what each section asks and shows, in the language that is chosen.

import { evaluated } from "./evaluated.js";
import { connectOwnFile } from "./file.js";
import { grouping } from "./plot.js";
import { beside, example, make, pair } from "./results.js";
import { ask, connect, connectFile, lines, part, show, shown, tell, textOf } from "./sections.js";
import { fillWords, number, readWords, say, speak, spoken, whole } from "./words.js";

let start = null; // the example, and what the fields begin with

// A file is read into the field, where it can be seen and mended.
function takeFile(section) {
  connectFile(section, async (file) => {
    const text = await textOf(file, start.limits.body);
    part(section, "textarea").value = text;
    tell(section, say("loaded", { count: whole(lines(text).length) }));
  });
}

function speakAll() {
  fillWords();
  for (const one of document.querySelectorAll("#language button")) {
    one.setAttribute("aria-pressed", String(one.value === spoken()));
  }
  if (!start) return;
  document.getElementById("lead").textContent = say("lead", { model: start.model });
  document.getElementById("where").textContent = say(start.local ? "local" : "remote");
  document.getElementById("evaluated").replaceChildren(...evaluated(start.evaluated));
  const { sentences, characters, file, lines: most } = start.limits;
  const told = say("list_limit", { sentences: whole(sentences), characters: whole(characters) });
  for (const one of document.querySelectorAll(".limit")) one.textContent = told;
  const limit = { lines: whole(most), characters: whole(characters), size: whole(file / 2 ** 20) };
  document.getElementById("file-limit").textContent = say("file_limit", limit);
  for (const one of document.querySelectorAll(".status")) tell(one.closest("section").id, "");
  for (const again of shown.values()) again();
}

function fillFields() {
  const [first, , third] = start.sentences;
  part("pair", "[name=first]").value = first;
  part("pair", "[name=second]").value = third;
  for (const section of ["search", "file"]) part(section, "[name=query]").value = start.query;
  for (const section of ["search", "groups"]) part(section, "textarea").value = start.list.join("\n");
  for (let k = 2; k <= start.limits.groups; k += 1) part("groups", "[name=k]").append(make("option", { value: k }, String(k)));
}

await readWords();
fillWords();
for (const one of document.querySelectorAll("#language button")) {
  one.addEventListener("click", () => {
    speak(one.value);
    speakAll();
  });
}
try {
  start = await ask("/api/example");
  fillFields();
  show("example", () => "", () => example(start));
} catch (error) {
  tell("example", error.message, true);
}
speakAll();
connect(
  "pair",
  "/api/similarity",
  ({ first, second }) => ({ first, second }),
  (found) => say("compared", { score: number(found.cosine) }),
  pair,
);
connect(
  "search",
  "/api/search",
  ({ query, sentences, measure }) => ({ query, sentences: lines(sentences), measure }),
  ({ ranked, measure }) => say("ranked", { count: whole(ranked.length), measure: say(measure).toLowerCase() }),
  (found) => beside(found, "line"),
);
connect(
  "groups",
  "/api/groups",
  ({ sentences, k }) => ({ sentences: lines(sentences), k: k ? Number(k) : null }),
  ({ groups, middles }) => say("grouped", { count: whole(groups.length), k: whole(middles.length) }),
  (found, asked) => grouping(asked.sentences, found),
);
takeFile("search");
takeFile("groups");
if (start) connectOwnFile(start);
