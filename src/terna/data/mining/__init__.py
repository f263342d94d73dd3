"""Hard negatives: what of the corpus is nearest to an anchor and is not known to follow from it."""

from terna.data.mining.approximate import check_faiss
from terna.data.mining.choice import Search, chosen
from terna.data.mining.rows import Questions, all_rows, questions, with_negatives

__all__ = ["Questions", "Search", "all_rows", "check_faiss", "chosen", "questions", "with_negatives"]
