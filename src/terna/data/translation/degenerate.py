"""Translations of no use, told by rule from one sentence and what became of it."""

import re

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# names, numbers and interjections of so many words may well be alike in both languages
ALIKE = 3
# words a group, and how often a group follows itself before it counts as a loop ("no, no, no" does not)
GROUP = 8
LOOP = 4
# times the source's characters, and what short sentences may have beyond
GROWTH, SLACK = 3, 30


def degenerate(source: str, target: str, *, ended: bool) -> str | None:
    """Why a translation is of no use, or None.

    The first of these reasons that holds:

    - `empty`: neither letter nor digit.
    - `copied`: the source's words, whatever their case, spacing and punctuation, and more than 3 distinct ones that
      are no numbers.
    - `looping`: a group of 1 to 8 words stands 4 times in a row or more, and more than twice as often as any group in
      the source does ("no, no, no, no" may stay as it is).
    - `too_long`: not `ended` (the model was still writing at its last token), or more than 3 times the source's
      characters and 30.
    """
    words, original = _words(target), _words(source)
    if not words:
        return "empty"
    if words == original and len({word for word in words if not word.isnumeric()}) > ALIKE:
        return "copied"
    if (times := repeats(words)) >= LOOP and times > 2 * repeats(original):
        return "looping"
    return "too_long" if not ended or len(target) > GROWTH * len(source) + SLACK else None


def repeats(words: list[str]) -> int:
    """How many times in a row the most repeated group of 1 to 8 words stands; 1 where nothing repeats, 0 without words.

    A group of n words that stands k times makes (k - 1) n words equal to the one n places before.
    """
    most = min(len(words), 1)
    for size in range(1, GROUP + 1):
        run = 0
        for earlier, word in zip(words, words[size:], strict=False):
            run = run + 1 if earlier == word else 0
            most = max(most, run // size + 1)
    return most


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())
