"""Which licence the encoder goes out under: the strictest of those of the sentences that it learned from."""

from collections.abc import Mapping

from terna.settings import Corpus

# Creative Commons licences without their version, from the freest to the strictest
RANKS = ("CC0", "CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA")


def identifier(corpora: Mapping[str, Corpus]) -> str:
    """The hub's identifier of the strictest licence.

    `other` where a licence has no place in RANKS, unless another rules out commercial use: that holds in any case.
    """
    strictest = _strictest(corpora)
    return "other" if unranked(corpora) and not _limit(strictest) else strictest.lower()


def explanation(corpora: Mapping[str, Corpus]) -> str:
    """Sentences that say where the licence comes from, and what it rules out."""
    unnamed, strictest = unranked(corpora), _strictest(corpora)
    if not unnamed:
        return f"The licence, {strictest}, is the strictest among the corpora's.{_limit(strictest)}"
    named = ", ".join(f"{name} ({corpora[name].licence})" for name in unnamed)
    if _limit(strictest):
        return (
            f"The licence, {strictest}, is the strictest that is known among the corpora's.{_limit(strictest)} "
            f"What else holds for {named} is for its authors to say."
        )
    known = f" The strictest of the others is {strictest}." if strictest else ""
    return f"The licence is given as “other”, since no single one can be named for {named}: ask its authors.{known}"


def unranked(corpora: Mapping[str, Corpus]) -> list[str]:
    """The corpora whose licence has no place in RANKS: no single one, or not known."""
    return [name for name, corpus in corpora.items() if _family(corpus.licence) not in RANKS]


def _strictest(corpora: Mapping[str, Corpus]) -> str:
    """The strictest licence that has a rank, of equals the latest version; empty when none has."""
    ranked = [corpus.licence for corpus in corpora.values() if _family(corpus.licence) in RANKS]
    return max(ranked, key=lambda licence: (RANKS.index(_family(licence)), licence), default="")


def _family(licence: str) -> str:
    return licence.rpartition("-")[0]


def _limit(licence: str) -> str:
    return " It rules out commercial use." if "-NC-" in licence else ""
