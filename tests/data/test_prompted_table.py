"""With a prompt for each column, every example leads to its texts with their prompts, and equality is the texts'."""

from dataclasses import fields, replace
from itertools import chain

import numpy as np
import pytest
from test_token_table import DEV, POSITIVES_OF_TRAIN, TRAIN, classed, decoded, known, scored, triplets, tuples
from token_tables import build
from transformers import PreTrainedTokenizerBase

from terna.data.examples import Tables
from terna.data.token_table import TokenTable
from terna.sentences import Prompts
from terna.training.batches.plan import plan

PROMPTS = Prompts("busca: ", "texto: ", "")
# texts that are anchor here and positive, negative or half of a pair there
TUPLED = [("La miga.", "El pan.", ["Casa.", "casa. "], "c"), ("El pan.", "Un barco.", [], "c")]
SCORED = [("El pan.", "La miga.", 0.5, "b"), ("Nuevo.", "El pan.", 1.0, "b")]
CLASSED = [("Casa.", "Nuevo.", "sí", "d")]


@pytest.fixture
def tables() -> Tables:
    return Tables(
        triplets(TRAIN),
        triplets(DEV),
        known(POSITIVES_OF_TRAIN),
        scored=scored(SCORED),
        tuples=tuples(TUPLED),
        classed=classed(CLASSED),
    )


@pytest.fixture(scope="module")
def fitted() -> PreTrainedTokenizerBase:
    """A byte-level tokenizer, which loses no character."""
    from terna.encoder.backbone import fit_tokenizer
    from terna.settings import Scratch

    return fit_tokenizer(Scratch(400, 32, 2, 2, 64), [text for row in (*TRAIN, *DEV) for text in row])


def test_a_corpus_may_have_one_prompt_for_all_columns_or_go_by_column(
    tables: Tables, fitted: PreTrainedTokenizerBase
) -> None:
    query, document, _ = PROMPTS
    more = replace(tables, tuples=tuples([*TUPLED, ("La miga.", "Casa.", ["Nuevo.", "El pan."], "e")]))
    table = build(more, fitted, 64, PROMPTS, {"b": "by_column", "d": "document", "e": "query"})
    texts = decoded(table, fitted)
    usual = build(more, fitted, 64, PROMPTS)
    assert [(texts[a], texts[b]) for a, b in table.scored] == [(query + row[0], document + row[1]) for row in SCORED]
    assert [(texts[a], texts[b]) for a, b in table.classed] == [(document + "Casa.", document + "Nuevo.")]
    rows = [[texts[i] for i in row] for row in np.split(table.tuples, table.tuple_offsets[1:-1])]
    assert rows[-1] == [query + text for text in ("La miga.", "Casa.", "Nuevo.", "El pan.")]
    own = [[decoded(usual, fitted)[i] for i in row] for row in np.split(usual.tuples, usual.tuple_offsets[1:-1])]
    assert rows[:-1] == own[:-1]
    # what is equal but for the prompt is one text
    assert len(np.unique(table.keys)) == len(np.unique(usual.keys))


def test_each_column_has_its_own_prompt(tables: Tables, fitted: PreTrainedTokenizerBase) -> None:
    table = build(tables, fitted, 64, PROMPTS)
    texts = decoded(table, fitted)
    assert len(texts) == len(set(texts)), "a sentence is there once with each prompt"
    query, document, _ = PROMPTS
    for rows, found in ((TRAIN, table.train), (DEV, table.dev)):
        expected = [(query + anchor, document + one, document + other) for anchor, one, other in rows]
        assert [tuple(texts[i] for i in row) for row in found.tolist()] == expected
    rows = np.split(table.tuples, table.tuple_offsets[1:-1])
    assert [[texts[i] for i in row] for row in rows] == [
        [query + anchor, *(document + text for text in (positive, *negatives))]
        for anchor, positive, negatives, _ in TUPLED
    ]
    assert [(texts[a], texts[b]) for a, b in table.scored] == [row[:2] for row in SCORED]
    assert [(texts[a], texts[b]) for a, b in table.classed] == [row[:2] for row in CLASSED]
    assert set(texts) == {texts[i] for column in (table.train, table.dev, table.tuples) for i in column.ravel()} | {
        texts[i] for column in (table.scored, table.classed) for i in column.ravel()
    }


def test_what_is_equal_and_what_is_known_to_follow_is_that_of_the_texts_alone(
    tables: Tables, fitted: PreTrainedTokenizerBase
) -> None:
    plain, table = build(tables, fitted, 64), build(tables, fitted, 64, PROMPTS)
    keys = dict(zip(decoded(plain, fitted), plain.keys.tolist(), strict=True))
    for text, key in zip(decoded(table, fitted), table.keys.tolist(), strict=True):
        assert keys[text.removeprefix(PROMPTS.query).removeprefix(PROMPTS.document)] == key
    np.testing.assert_array_equal(table.positives, plain.positives)
    rows = [keys_of.keys[keys_of.train] for keys_of in (plain, table)]
    np.testing.assert_array_equal(*rows)
    batches = [plan(np.asarray(own, np.int64), 2, 3, 0).batches for own in rows]
    np.testing.assert_array_equal(*batches)


def test_one_prompt_for_all_changes_the_tokens_alone(tables: Tables, fitted: PreTrainedTokenizerBase) -> None:
    plain, table = build(tables, fitted, 64), build(tables, fitted, 64, Prompts("el: ", "el: ", "el: "))
    assert decoded(table, fitted) == [f"el: {text}" for text in decoded(plain, fitted)]
    for name in {field.name for field in fields(TokenTable)} - {"ids", "offsets"}:
        np.testing.assert_array_equal(getattr(table, name), getattr(plain, name))


def test_who_reads_the_texts_gets_them_in_the_order_of_the_table(
    tables: Tables, fitted: PreTrainedTokenizerBase
) -> None:
    found = tables.numbered(PROMPTS)
    assert list(chain.from_iterable(found.prompted())) == decoded(build(tables, fitted, 64, PROMPTS), fitted)
    assert [text for text in found.texts.to_pylist() if text.startswith(PROMPTS[:2])] == []
