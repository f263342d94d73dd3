"""What is left of a sentence when writing and tokenisation are taken away."""

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from terna.sentences import fold

# tokenisers write a bracket as -LRB-
_BRACKET = "-[lr][rsc]b-"
_NO_LETTER = r"[^\p{L}\p{M}\p{N}]"


def normalise(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Case, space, punctuation and tokenisation taken away from texts (n,): letters, marks and digits alone are left.

    Compatible characters (NFKC) and cases (full case folding: ß is ss, a final ς is σ) become one; texts that count as
    the same stay so, because `fold` comes first. Since blanks go too, "no te" equals "note": a few pairs too many are
    found, but "EE. UU." is "EEUU" and "1 000" is "1.000".
    """
    same = pa.array([fold(text) for text in texts.to_pylist()], pa.string())
    # before NFKC, which makes of ´ a blank and a mark for the letter before it
    letters = pc.replace_substring_regex(same, f"{_BRACKET}|{_NO_LETTER}", "")
    return pa.array([_compatible(text) for text in letters.to_pylist()], pa.string())


def _compatible(text: str) -> str:
    if text.isascii():
        return text
    folded = _nfkc(_nfkc(text).casefold())
    if folded.isalnum():
        return folded
    # NFKC brings in signs: ½ is 1⁄2
    return _nfkc("".join(sign for sign in folded if unicodedata.category(sign)[0] in "LMN"))


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
