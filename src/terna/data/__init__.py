"""From raw files to the token table: download, corpora, contamination, translation, triplets, tokens."""
