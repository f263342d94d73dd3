// The page: forms ask the server, and what comes back is shown in the language that is chosen.

import { grouping } from "./plot.js";
import { example, make, pair, ranking } from "./results.js";
import { fillWords, number, readWords, say, speak, spoken, whole } from "./words.js";

const LINE = /\r\n|\r|\n/;
const shown = new Map(); // section → what draws its result anew in another language
let start = null; // the example, and what the fields begin with

const part = (section, what) => document.querySelector(`#${section} ${what}`);

function tell(section, words, wrong = false) {
  const status = part(section, ".status");
  status.textContent = words;
  status.classList.toggle("wrong", wrong);
}

function show(section, words, draw) {
  const again = () => {
    tell(section, words());
    part(section, ".result").replaceChildren(...draw());
  };
  shown.set(section, again);
  again();
}

// What the server answers; an Error with its words where it refuses.
async function ask(path, body) {
  const headers = { "Content-Type": "application/json", "Accept-Language": spoken() };
  const sent = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch (error) {
    throw new Error(say("error_gone"), { cause: error });
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

const lines = (text) => text.split(LINE).filter((line) => line.trim());

// A form that asks `path` for body(fields) and shows what comes back.
function connect(section, path, body, words, draw) {
  const form = part(section, "form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = part(section, "form button");
    if (button.disabled) return;
    const asked = body(Object.fromEntries(new FormData(form)));
    button.disabled = true;
    tell(section, say("working"));
    try {
      const found = await ask(path, asked);
      show(section, () => words(found, asked), () => draw(found, asked));
    } catch (error) {
      shown.delete(section);
      part(section, ".result").replaceChildren();
      tell(section, error.message, true);
    } finally {
      button.disabled = false;
    }
  });
}

// A file is read into the field, where it can be seen and mended.
function takeFile(section) {
  const input = part(section, "input[type=file]");
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    try {
      const text = await textOf(file);
      part(section, "textarea").value = text;
      tell(section, say("loaded", { count: whole(lines(text).length) }));
    } catch (error) {
      tell(section, error.message, true);
    }
    input.value = ""; // the same file can be chosen again
  });
}

async function textOf(file) {
  if (file.size > start.limits.body) {
    const told = { name: file.name, found: whole(file.size), most: whole(start.limits.body) };
    throw new Error(say("error_file_size", told));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch (error) {
    throw new Error(say("error_file", { name: file.name }), { cause: error });
  }
}

function speakAll() {
  fillWords();
  for (const one of document.querySelectorAll("#language button")) {
    one.setAttribute("aria-pressed", String(one.value === spoken()));
  }
  if (!start) return;
  document.getElementById("lead").textContent = say("lead", { model: start.model });
  const { sentences, characters } = start.limits;
  const told = say("list_limit", { sentences: whole(sentences), characters: whole(characters) });
  for (const one of document.querySelectorAll(".limit")) one.textContent = told;
  for (const one of document.querySelectorAll(".status")) tell(one.closest("section").id, "");
  for (const again of shown.values()) again();
}

function fillFields() {
  const [first, , third] = start.sentences;
  part("pair", "[name=first]").value = first;
  part("pair", "[name=second]").value = third;
  part("search", "[name=query]").value = start.query;
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
  ranking,
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
