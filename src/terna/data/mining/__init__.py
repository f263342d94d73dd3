"""Hard negatives: what of the corpus is nearest to an anchor and is not known to follow from it."""

from terna.data.mining.approximate import check_faiss, faiss_for
from terna.data.mining.choice import Search, chosen
from terna.data.mining.rows import Questions, all_rows, questions, with_negatives

__all__ = ["Questions", "Search", "all_rows", "check_faiss", "chosen", "faiss_for", "questions", "with_negatives"]
