"""Which licence the encoder goes out under: the strictest of those of the sentences that it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass

from terna.settings import Corpus

# Creative Commons licences without their version, from the freest to the strictest
RANKS = ("CC0", "CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA")


@dataclass(frozen=True)
class Licence:
    """The licence that some corpora allow, as far as theirs are known."""

    strictest: str
    """The strictest that has a place in RANKS, of equals the latest version; empty when none has."""
    unranked: Mapping[str, str]
    """The licences without a place there, by corpus: no single one, or not known."""

    @property
    def noncommercial(self) -> bool:
        """Whether commercial use is ruled out."""
        return "-NC-" in self.strictest

    @property
    def identifier(self) -> str:
        """The hub's identifier; `other` where a licence is not known, unless another rules out commercial use."""
        return "other" if self.unranked and not self.noncommercial else self.strictest.lower()


def licence_of(corpora: Mapping[str, Corpus]) -> Licence:
    """The licence of an encoder that learned from `corpora`."""
    ranked = [corpus.licence for corpus in corpora.values() if _family(corpus.licence) in RANKS]
    unranked = {name: corpus.licence for name, corpus in corpora.items() if _family(corpus.licence) not in RANKS}
    return Licence(max(ranked, key=lambda one: (RANKS.index(_family(one)), one), default=""), unranked)


def withheld(corpora: Mapping[str, Corpus], *, checked: bool) -> dict[str, str]:
    """The licences of the corpora whose rows may not be given away, by name.

    Those that allow no adaptation, as a triplet is one, and those without a place in RANKS; checked: somebody has found
    out that the latter may be.
    """
    return {
        name: corpus.licence
        for name, corpus in corpora.items()
        if "-ND" in corpus.licence.upper() or not (checked or _family(corpus.licence) in RANKS)
    }


def _family(licence: str) -> str:
    return licence.rpartition("-")[0]
