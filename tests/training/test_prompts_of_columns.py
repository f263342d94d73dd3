"""A batch of training has the vectors that sentence-transformers gives its columns with their prompts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from sentence_transformers import SentenceTransformer
from token_tables import build
from training_inputs import run_for, settings_for

from terna.data.examples import Tables
from terna.encoder import Encoder, prompts_of, save
from terna.records import POSITIVES, SCORED_PAIRS, TRIPLETS

ASKED = 'model.prompts={query:"busca: ",document:"texto: ",default:query}'
# the anchor of one row is the positive of the next
ROWS = [(f"frase {n}", f"frase {n + 1}", f"otra {n}", "c") for n in range(12)]
PAIRS = [(f"frase {n}", f"otra {n}", n / 10, "c") for n in range(10)]


def test_the_vectors_of_a_batch_are_those_of_its_texts_with_the_prompts_of_their_columns(
    make_encoder: Callable[..., Encoder], root: Path, tmp_path: Path
) -> None:
    encoder, settings = make_encoder(ASKED), settings_for(root, ASKED)
    tables = Tables(
        pa.table([*map(list, zip(*ROWS, strict=True))], schema=TRIPLETS),
        TRIPLETS.empty_table(),
        POSITIVES.empty_table(),
        scored=pa.table([*map(list, zip(*PAIRS, strict=True))], schema=SCORED_PAIRS),
    )
    save(encoder, tmp_path / "encoder")
    reference = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    table = build(tables, encoder.tokenizer, encoder.max_length, prompts_of(settings.model))
    run = run_for(encoder, settings, table)
    ranked, pairs = run.datamodule.parts
    encoder.eval()
    for number, batch in enumerate(ranked.batches(ranked.rows(0), ranked.rows(0))):  # type: ignore[arg-type, var-annotated]
        columns = zip(*[ROWS[row][:3] for row in ranked.rows(0)[number]], strict=True)
        names = ("query", "document", "document")
        expected = [reference.encode(texts, prompt_name=name) for texts, name in zip(columns, names, strict=True)]
        found = encoder(batch.sentences).detach().numpy()
        np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)
    for number, batch in enumerate(pairs.batches(pairs.rows(0), pairs.rows(0))):  # type: ignore[arg-type, var-annotated]
        first, second = zip(*[PAIRS[row][:2] for row in pairs.rows(0)[number]], strict=True)
        found = encoder(batch.sentences).detach().numpy()
        np.testing.assert_allclose(found, reference.encode([*first, *second]), atol=1e-5)
