// A section of the page: its form asks the server, and its status and result show what comes back.

import { say, spoken, whole } from "./words.js";

const LINE = /\r\n|\r|\n/;
// section → what draws its result anew in another language
export const shown = new Map();

export const part = (section, what) => document.querySelector(`#${section} ${what}`);

export const lines = (text) => text.split(LINE).filter((line) => line.trim());

export function tell(section, words, wrong = false) {
  const status = part(section, ".status");
  status.textContent = words;
  status.classList.toggle("wrong", wrong);
}

export function show(section, words, draw) {
  const again = () => {
    tell(section, words());
    part(section, ".result").replaceChildren(...draw());
  };
  shown.set(section, again);
  again();
}

// Take away a result, and say why there is none.
export function refuse(section, error) {
  shown.delete(section);
  part(section, ".result").replaceChildren();
  tell(section, error.message, true);
}

// What the server answers; an Error with its words where it refuses.
export async function ask(path, body) {
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

// A form that asks `path` for body(fields) and shows what comes back.
export function connect(section, path, body, words, draw) {
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
      refuse(section, error);
    } finally {
      button.disabled = false;
    }
  });
}

// A section's file field calls take(file) for each file that is chosen; what it throws is told.
export function connectFile(section, take) {
  const input = part(section, "input[type=file]");
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    try {
      await take(file);
    } catch (error) {
      tell(section, error.message, true);
    }
    input.value = ""; // the same file can be chosen again
  });
}

// A file's text; an Error for more than `most` bytes, and for what is no UTF-8.
export async function textOf(file, most) {
  if (file.size > most) {
    const told = { name: file.name, found: whole(file.size), most: whole(most) };
    throw new Error(say("error_file_size", told));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch (error) {
    throw new Error(say("error_file", { name: file.name }), { cause: error });
  }
}
