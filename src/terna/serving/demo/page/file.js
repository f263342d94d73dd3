// A file of the reader's own: sent once, encoded by the server while its progress is shown, then searched.

import { beside } from "./results.js";
import { ask, connect, connectFile, part, refuse, shown, tell, textOf } from "./sections.js";
import { say, whole } from "./words.js";

const POLL = 400; // milliseconds
let held = null; // what the server says of the file

function showHeld() {
  part("file", ".held").hidden = !held;
  part("file", "form button").disabled = !held?.ready;
  if (!held) return;
  const told = { name: held.name, done: whole(held.done), count: whole(held.count) };
  part("file", ".held p").textContent = say(held.ready ? "file_ready" : "file_encoding", told);
  const bar = part("file", "progress");
  [bar.max, bar.value, bar.hidden] = [held.count, held.done, held.ready];
}

// Show how far the server is until it has the whole file, or another one is chosen.
async function follow(state) {
  held = state;
  showHeld();
  while (held?.id === state.id && !held.ready) {
    await new Promise((go) => setTimeout(go, POLL));
    if (held?.id !== state.id) return;
    const found = await ask("/api/state", { id: state.id });
    if (held?.id === state.id) held = found;
    showHeld();
  }
}

async function followed(state) {
  try {
    await follow(state);
  } catch (error) {
    held = null;
    showHeld();
    refuse("file", error);
  }
}

// Connect the section; start: what the page begins with.
export function connectOwnFile(start) {
  shown.set("held", showHeld);
  connectFile("file", async (file) => {
    const text = await textOf(file, start.limits.file);
    tell("file", say("working"));
    const state = await ask("/api/file", { name: file.name, text });
    refuse("file", { message: "" }); // the result was that of another file
    followed(state);
  });
  connect(
    "file",
    "/api/neighbours",
    ({ query }) => ({ id: held?.id ?? "none", query }),
    ({ ranked }) => say("file_found", { count: whole(ranked.length) }),
    (found) => beside(found, "file_line"),
  );
  showHeld();
  if (start.file) followed(start.file);
}
