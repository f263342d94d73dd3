// What the page says, in the language that is chosen.

const LANGUAGES = ["es", "en"];
const KEPT = "terna-language";
let words = {};
let language = LANGUAGES[0];

export async function readWords() {
  words = await (await fetch("/words.json")).json();
  const kept = localStorage.getItem(KEPT);
  if (LANGUAGES.includes(kept)) language = kept;
}

export const spoken = () => language;

export function speak(chosen) {
  language = chosen;
  localStorage.setItem(KEPT, chosen);
}

// The words of a key, with the gaps in braces filled.
export function say(key, values = {}) {
  return words[key][language].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

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
