// What the page says, in the language that its address names (?lang=en), or else in the browser's.

const LANGUAGES = ["es", "en"];
let words = {};
let language = LANGUAGES[0];

export async function readWords() {
  words = await (await fetch("/words.json")).json();
  const named = new URLSearchParams(location.search).get("lang") ?? "";
  const wanted = [named, ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]);
  language = wanted.find((tag) => LANGUAGES.includes(tag)) ?? LANGUAGES[0];
}

export const spoken = () => language;

// The address keeps what is chosen: nothing is stored in the browser.
export function speak(chosen) {
  language = chosen;
  const here = new URL(location.href);
  here.searchParams.set("lang", chosen);
  history.replaceState(null, "", here);
}

// The words of a key, with the gaps in braces filled.
export function say(key, values = {}) {
  return words[key][language].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// The words of a key, or what else is to be said if it has none.
export const sayOr = (key, otherwise) => (key in words ? say(key) : otherwise);

export function number(value, digits = 3) {
  const told = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(language, told).format(value);
}

export const whole = (value) => new Intl.NumberFormat(language).format(value);

export const percent = (value) => new Intl.NumberFormat(language, { style: "percent" }).format(value);

// Fill what is marked in the page: data-word with text, data-label with a name for screen readers.
export function fillWords() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = say(one.dataset.word);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(one.dataset.label));
}
