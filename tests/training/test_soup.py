"""Averages of weights: numpy's mean, the greedy choice by brute force, and encoders that must not be averaged."""

import json
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from terna.encoder import Dense, Encoder, Pooling, save
from terna.encoder.averaging import average, check_alike
from terna.encoder.usage import Usage
from terna.errors import ModelError
from terna.training.selection import Scored
from terna.training.soup import Averages, Soup, best_of, greedy

Make = Callable[..., Encoder]
Weights = dict[str, Tensor]


def weights(seed: int) -> Weights:
    torch.manual_seed(seed)
    return {"a": torch.randn(7, 5) * 10.0 ** torch.randint(-6, 6, (7, 5)), "n": torch.tensor([3]), "b": torch.randn(4)}


def test_the_average_is_numpys_mean_in_float64() -> None:
    members = [weights(seed) for seed in range(5)]
    found = average(members)
    for name in ("a", "b"):
        expected = np.mean(np.stack([one[name].double().numpy() for one in members]), axis=0).astype(np.float32)
        assert found[name].dtype == torch.float32
        assert np.array_equal(found[name].numpy(), expected)
    assert torch.equal(found["n"], members[0]["n"])


def test_what_is_small_beside_large_weights_is_not_lost_in_the_sum() -> None:
    values = [1e8, 1.0, -1e8, 1.0]
    members = [{"a": torch.tensor([value], dtype=torch.float32)} for value in values]
    assert average(members)["a"].item() == 0.5


def test_the_average_of_one_is_that_one_bit_for_bit_and_of_copies_too() -> None:
    one = weights(1)
    for members in ([one], [one, one, one]):
        assert all(torch.equal(value, one[name]) for name, value in average(members).items())


def test_a_mix_with_the_start_has_its_shares_of_both() -> None:
    members, start = [weights(1), weights(2)], weights(3)
    mean = (members[0]["a"].double() + members[1]["a"].double()) / 2
    found = average(members, start, 0.25)["a"]
    assert torch.equal(found, (0.25 * mean + 0.75 * start["a"].double()).float())
    assert torch.equal(average(members, start, 0.0)["a"], start["a"])
    assert torch.equal(average(members, start, 1.0)["a"], average(members)["a"])


def test_a_greedy_soup_is_that_of_a_plain_reading_of_the_recipe() -> None:
    """Wortsman et al., recipe 1, over every subset's score drawn at random."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        drawn = {tuple(np.flatnonzero(bits).tolist()): rng.integers(0, 6) for bits in np.ndindex(2, 2, 2, 2)}
        score = lambda members, drawn=drawn: float(drawn[tuple(sorted(members))])  # noqa: E731
        ingredients: list[int] = []
        for place in sorted(range(4), key=lambda place, score=score: -score([place])):
            if not ingredients or score([*ingredients, place]) >= score(ingredients):
                ingredients.append(place)
        assert greedy([score([place]) for place in range(4)], score) == sorted(ingredients)


def test_the_best_is_the_highest_of_equals_the_first_and_never_an_undefined_one() -> None:
    soups = [
        Soup(name, [0], 1.0, score, np.zeros(1)) for name, score in zip("abcd", [np.nan, 0.5, 0.7, 0.7], strict=True)
    ]
    assert best_of(soups).name == "c"


@pytest.fixture
def three(make_encoder: Make) -> list[Weights]:
    """The weights of three encoders that differ as trainings from one start do."""
    found = []
    for seed in range(3):
        encoder = make_encoder()
        torch.manual_seed(seed)  # after it: an encoder is made from a seed of its own
        found.append({name: value + 0.05 * torch.randn_like(value) for name, value in encoder.state_dict().items()})
    return found


def nearness(target: Weights) -> Callable[[Encoder], Scored]:
    """A score that is the higher the nearer the weights are to `target`."""

    def score(encoder: Encoder) -> Scored:
        gap = sum(float((value - target[name]).square().sum()) for name, value in encoder.state_dict().items())
        return Scored({"near": -gap}, np.array([gap, 0.0]))

    return score


def test_soups_are_scored_with_the_weights_that_their_names_say(make_encoder: Make, three: list[Weights]) -> None:
    start = make_encoder().state_dict()
    score = nearness(average(three[:2], start, 0.5))
    scored: list[bytes] = []

    def counted(encoder: Encoder) -> Scored:
        scored.append(b"".join(weight.numpy().tobytes() for weight in encoder.state_dict().values()))
        return score(encoder)

    averages = Averages(make_encoder(), three, counted, "near", start)
    found = {one.name: one for one in averages.soups(["x", "y", "z"], [0.5])}
    assert len(scored) == len(set(scored))  # none twice
    assert list(found) == ["the start", "x", "y", "z", "uniform", "greedy", "0.5 of uniform", "0.5 of greedy"]
    expected = {"the start": average(three, start, 0.0), "y": three[1], "uniform": average(three)}
    expected["0.5 of uniform"] = average(three, start, 0.5)
    for name, whole in expected.items():
        encoder = make_encoder()
        encoder.load_state_dict(whole)
        assert found[name].score == score(encoder).figures["near"]
    singles = [found[name].score for name in "xyz"]
    tried = lambda members: averages.soup("", members).score  # noqa: E731
    assert found["greedy"].members == greedy(singles, tried)
    assert found["0.5 of greedy"].members == found["greedy"].members
    kept = best_of(list(found.values()))
    assert kept.score == max(one.score for one in found.values())
    loaded = averages.load(kept.members, kept.share).state_dict()
    again = average([three[place] for place in kept.members], start, kept.share)
    assert all(torch.equal(value, again[name]) for name, value in loaded.items())


def test_a_saved_average_is_an_encoder_with_the_mean_of_the_files_weights_and_the_same_bytes_each_time(
    make_encoder: Make, three: list[Weights], tmp_path: Path, sentences: list[str]
) -> None:
    for place, each in enumerate(three):
        encoder = make_encoder()
        encoder.load_state_dict(each)
        save(encoder, tmp_path / str(place))
    for name in ("one", "other"):
        loaded = [Encoder.load(tmp_path / str(place)) for place in range(3)]
        averages = Averages(loaded[0], [dict(each.state_dict()) for each in loaded], nearness(three[0]), "near")
        averages.weights = [{key: value.clone() for key, value in each.items()} for each in averages.weights]
        save(averages.load([0, 1, 2]), tmp_path / name)
    files = [load_file(tmp_path / str(place) / "model.safetensors") for place in range(3)]
    for key, value in load_file(tmp_path / "one" / "model.safetensors").items():
        expected = np.mean([each[key].double().numpy() for each in files], axis=0).astype(np.float32)
        assert np.array_equal(value.numpy(), expected), key
    for file in (tmp_path / "one").rglob("*.safetensors"):
        assert file.read_bytes() == (tmp_path / "other" / file.relative_to(tmp_path / "one")).read_bytes()
    assert np.isfinite(Encoder.load(tmp_path / "one").encode(sentences)).all()


def changed(encoder: Encoder, **values: object) -> Encoder:
    for name, value in values.items():
        place, _, last = name.rpartition(".")
        setattr(attrgetter(place)(encoder) if place else encoder, last, value)
    return encoder


NAMES = (Path("one"), Path("other"))


def test_encoders_of_one_shape_are_alike_whatever_their_weights(make_encoder: Make) -> None:
    other = make_encoder()
    with torch.no_grad():
        for value in other.parameters():
            value.add_(1)
    check_alike(make_encoder(), other, NAMES)
    check_alike(make_encoder(), changed(make_encoder(), max_length=9), NAMES, is_start=True)


@pytest.mark.parametrize(
    ("overrides", "values", "said"),
    [
        (["model.scratch.hidden_size=16"], {}, r"word_embeddings\.weight of size 285×16, not 285×32"),
        (["model.scratch.layers=1"], {}, r"no weight backbone\.encoder\.layer\.1\."),
        (["model.scratch.heads=4"], {}, r"num_attention_heads is 4, not 2"),
        (["model.pooling=cls"], {}, r"pooling is \('cls',\), not \('mean',\)"),
        (["model.dense={out_features:8,activation:tanh}"], {}, r"a weight head\.0\.linear\.weight"),
        ([], {"max_length": 9}, r"max_seq_length is 9, not 24"),
        ([], {"pooling": Pooling(("mean",), include_prompt=False)}, r"include_prompt is False, not True"),
        ([], {"usage": Usage({"query": "q: "}, "query")}, r"prompt is 'q: ', not ''"),
        ([], {"head": nn.Sequential(nn.Tanh())}, r"head is 'Sequential"),
        ([], {"backbone.config.layer_norm_eps": 0.1}, r"layer_norm_eps is 0\.1, not 1e-12"),
    ],
)
def test_encoders_that_differ_in_more_than_weights_are_refused_with_the_difference(
    make_encoder: Make, overrides: list[str], values: dict[str, object], said: str
) -> None:
    other = changed(make_encoder(*overrides), **values)
    with pytest.raises(ModelError, match=f"^other: .*{said}.*, unlike one: their weights cannot be averaged"):
        check_alike(make_encoder(), other, NAMES)


def test_a_head_that_adds_what_comes_in_is_another_than_one_that_does_not(make_encoder: Make) -> None:
    one, other = (
        changed(make_encoder(), head=nn.Sequential(Dense(32, 32, nn.Tanh(), residual=r))) for r in (False, True)
    )
    with pytest.raises(ModelError, match=r"use_residual is \[True\], not \[False\]"):
        check_alike(one, other, NAMES)


def test_a_tokenizer_that_cuts_otherwise_is_refused_though_it_has_the_same_size(make_encoder: Make) -> None:
    other = make_encoder()
    whole = json.loads(other.tokenizer.backend_tokenizer.to_str())
    first, second = list(whole["model"]["vocab"])[40:42]
    ids = whole["model"]["vocab"]
    ids[first], ids[second] = ids[second], ids[first]
    other.tokenizer = type(other.tokenizer)(tokenizer_object=Tokenizer.from_str(json.dumps(whole)))
    with pytest.raises(ModelError, match=r"^other: its tokenizer is another, unlike one"):
        check_alike(make_encoder(), other, NAMES)


def test_a_tokenizer_that_was_used_with_another_cut_or_padding_is_the_same(make_encoder: Make) -> None:
    other = make_encoder()
    other.tokenizer(["Hola.", "El perro duerme."], truncation=True, max_length=3, padding=True)
    check_alike(make_encoder(), other, NAMES)
