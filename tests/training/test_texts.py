"""Raw text: SimCSE and TSDAE as the neighbour has them, words that are deleted, and a decoder that does not ship."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import DenoisingAutoEncoderLoss, MultipleNegativesRankingLoss
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from training_inputs import fit, run_for, settings_for, shaped_for, stepped, texts_for, weights_of
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from terna.encoder import Encoder, save
from terna.encoder.packing import Batch
from terna.errors import DataError, ModelError
from terna.settings import Settings
from terna.settings.training import DELETED
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.losses.restoring import Decoder
from terna.training.parts.texts import NoisyBatch, TextBatch, left
from terna.training.setup import Run

Make = Callable[..., Encoder]
TSDAE = ("corpora=own", "corpora.own.shape=texts", "train.loss.texts=tsdae")
SHAPE = {"vocab_size": 320, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def tokens_of(batch: Batch) -> list[Tensor]:
    """The tokens of each sentence, in the batch's order."""
    pieces = [piece for chunk in batch.chunks for piece in chunk.ids.split(chunk.lengths)]
    return [pieces[place] for place in batch.place]


def features(tokens: list[Tensor], padding: int) -> dict[str, Tensor]:
    """What the neighbour's losses take."""
    mask = pad_sequence([torch.ones_like(each) for each in tokens], batch_first=True)
    return {
        "input_ids": pad_sequence(tokens, batch_first=True, padding_value=padding),
        "attention_mask": mask,
    }


def compare_gradients(encoder: Encoder, neighbour: SentenceTransformer, rounding: float) -> None:
    others = dict(neighbour[0].auto_model.named_parameters())
    compared = [name for name, parameter in encoder.backbone.named_parameters() if parameter.grad is not None]
    assert len(compared) > 30
    for name in compared:
        own, other = encoder.backbone.get_parameter(name).grad, others[name].grad
        torch.testing.assert_close(own, other, atol=rounding, rtol=1e-4)


@pytest.mark.parametrize("cached", [False, True])
def test_simcse_without_dropout_has_the_neighbour_s_loss_and_gradients_of_a_text_and_itself(
    make_encoder: Make, root: Path, tmp_path: Path, cached: bool
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "encoder")
    encoder.cached = cached
    run = run_for(encoder, settings_for(root), texts_for(encoder))
    ours = stepped(run, 0)
    rows = run.datamodule.parts[0].rows(0)
    tokens = tokens_of(run.datamodule.parts[0].batches(rows, rows)[0].sentences)[:4]
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").eval()
    same = [features(tokens, encoder.tokenizer.pad_token_id) for _ in range(2)]
    theirs = MultipleNegativesRankingLoss(neighbour)(same, None)
    theirs.backward()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    compare_gradients(encoder, neighbour, 1e-6)


def test_simcse_ranks_the_two_draws_of_dropout_as_the_neighbour_does(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    run = run_for(encoder, settings_for(root), texts_for(encoder))
    rows = run.datamodule.parts[0].rows(0)
    batch = run.datamodule.parts[0].batches(rows, rows)[0]
    stepped(run, 0)  # makes the module ready
    run.module.train()
    found = run.module.training_step(batch, 0)
    draw = np.random.SeedSequence([run.module.seed, 0, 0]).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(draw))
    one, other = encoder(batch.sentences).detach().chunk(2)
    assert not torch.isclose(one, other).all(1).any()
    neighbour = MultipleNegativesRankingLoss.__new__(MultipleNegativesRankingLoss)
    MultipleNegativesRankingLoss.__init__(neighbour, SentenceTransformer(modules=[torch.nn.Identity()]))
    expected = neighbour.compute_loss_from_embeddings([one, other], None)
    torch.testing.assert_close(found.detach(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("options", [(), TSDAE], ids=["SimCSE", "TSDAE"])
def test_each_text_is_once_in_an_epoch_and_equal_texts_never_in_one_batch(
    make_encoder: Make, root: Path, options: tuple[str, ...]
) -> None:
    encoder = make_encoder()
    table = texts_for(encoder, 40, shaped_for(encoder, {2: 8}))
    keys = np.concatenate([table.keys[:-40], 100 + np.arange(40) % 13])
    [_, part] = run_for(encoder, settings_for(root, *options), replace(table, keys=keys)).datamodule.parts
    assert (part.unit, part.count, part.steps, part.left_out) == ("texts", 40, [10] * 3, [0] * 3)
    for epoch in range(3):
        rows = part.rows(epoch)
        assert sorted(rows.ravel()) == list(range(40))
        assert all(len(set(batch % 13)) == 4 for batch in rows)
    with pytest.raises(DataError, match=r"no batch of 4 texts without a repeated text can be made from 3 texts"):
        run_for(encoder, settings_for(root, *options), texts_for(encoder, 3))


def test_a_process_has_its_texts_twice_and_what_it_ranks_them_among(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    table = texts_for(encoder)
    [part] = run_for(encoder, settings_for(root), table).datamodule.parts
    rows = part.rows(1)
    batch = part.batches(rows, rows[:, 2:])[3]
    assert type(batch) is TextBatch and batch.columns == 2
    own = [table.ids[table.offsets[row] : table.offsets[row + 1]].tolist() for row in rows[3, 2:]]
    assert [tokens.tolist() for tokens in tokens_of(batch.sentences)] == own * 2


def test_an_encoder_without_dropout_is_refused_for_simcse_alone(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    assert encoder.drops() and not encoder.training
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with pytest.raises(ModelError, match=r"train\.loss\.texts: simcse .* the encoder has no dropout.* choose tsdae"):
        run_for(encoder, settings_for(root), texts_for(encoder))
    run_for(encoder, settings_for(root, *TSDAE), texts_for(encoder))


def test_one_s_own_loss_is_given_both_draws(make_encoder: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = make_encoder()
    settings = settings_for(root)
    run = run_for(encoder, settings, texts_for(encoder))
    given: list[tuple[list[Tensor], Tensor | None]] = []

    def own(embeddings: list[Tensor], labels: Tensor | None, _: object) -> Tensor:
        given.append((embeddings, labels))
        return sum(each.sum() for each in embeddings)  # type: ignore[return-value]

    run.module.own = {"texts": own}  # type: ignore[dict-item]
    stepped(run, 0)
    [(columns, labels)] = given
    assert labels is None and [len(each) for each in columns] == [4, 4]


def bert(encoder: Encoder, kind: type = BertModel) -> Encoder:
    """The same with a BERT for its backbone."""
    torch.manual_seed(5)
    config = BertConfig(**SHAPE, intermediate_size=64, pad_token_id=encoder.tokenizer.pad_token_id)
    backbone = BertModel(config) if kind is BertModel else kind(DistilBertConfig(vocab_size=320, dim=32, n_heads=2))
    return Encoder(backbone, encoder.tokenizer, pooling="mean", max_length=24).eval()


@pytest.mark.parametrize("backbone", ["RoBERTa", "BERT"])
@pytest.mark.parametrize("cached", [False, True])
def test_tsdae_without_dropout_has_the_neighbour_s_loss_and_gradients(
    make_encoder: Make, root: Path, tmp_path: Path, backbone: str, cached: bool
) -> None:
    encoder = make_encoder() if backbone == "RoBERTa" else bert(make_encoder())
    save(encoder, tmp_path / "encoder")
    encoder.cached = cached
    run = run_for(encoder, settings_for(root, *TSDAE), texts_for(encoder))
    ours, decoder = stepped(run, 0), run.module.decoder
    rows = run.datamodule.parts[0].rows(0)
    batch = run.datamodule.parts[0].batches(rows, rows)[0]
    assert type(batch) is NoisyBatch and decoder is not None
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    loss = DenoisingAutoEncoderLoss(neighbour).eval()
    loss.decoder.load_state_dict(decoder.model.state_dict())
    padding = encoder.tokenizer.pad_token_id
    whole = [row[row >= 0] for row in batch.whole]
    theirs = loss([features(tokens_of(batch.sentences), padding), features(whole, padding)], None)
    theirs.backward()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    compare_gradients(encoder, neighbour, 1e-6)
    others = dict(loss.decoder.named_parameters())
    for name, parameter in decoder.model.named_parameters():
        torch.testing.assert_close(parameter.grad, others[name].grad, atol=1e-6, rtol=1e-4)


def test_the_decoder_shares_the_encoder_s_weights_and_its_own_are_a_function_of_the_seed(make_encoder: Make) -> None:
    encoder = bert(make_encoder())
    state = torch.get_rng_state()
    one, same, other = (Decoder(encoder.backbone, dimension=32, padding=1, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    layer = one.model.bert.encoder.layer[1]
    backbone = encoder.backbone
    assert layer.attention.self.key.weight is backbone.encoder.layer[1].attention.self.key.weight
    assert one.model.cls.predictions.decoder.weight is backbone.get_input_embeddings().weight
    crossed = [each.model.bert.encoder.layer[0].crossattention.self.key.weight for each in (one, same, other)]
    assert torch.equal(*crossed[:2]) and not torch.equal(*crossed[1:])
    assert {id(own) for own in one.own} & {id(each) for each in encoder.parameters()} == set()
    assert any(own is crossed[0] for own in one.own)


def test_what_makes_no_decoder_is_refused_with_what_does(make_encoder: Make, root: Path) -> None:
    encoder = make_encoder()
    with pytest.raises(ModelError, match=r"transformers makes none of DistilBertModel; choose train\.loss\.texts=simc"):
        run_for(bert(encoder, DistilBertModel), settings_for(root, *TSDAE), texts_for(encoder))
    wide = make_encoder("model.dense={out_features:8,activation:tanh}")
    with pytest.raises(ModelError, match=r"a vector of 32 numbers, the width of the backbone, and .* has 8"):
        run_for(wide, settings_for(root, *TSDAE), texts_for(wide))
    table = texts_for(encoder)
    words = np.minimum(table.text_words, 0)
    with pytest.raises(DataError, match=r"tsdae deletes words, and the tokenizer cuts no text .* into words"):
        run_for(encoder, settings_for(root, *TSDAE), replace(table, text_words=words))


def test_three_fifths_of_the_words_are_deleted_whole_and_one_of_each_text_stays() -> None:
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 12, 4000)
    rows = [np.repeat(np.arange(count), rng.integers(1, 4, count)) for count in counts]
    texts = [np.concatenate([[-1], row, [-1]]) for row in rows]
    kept = left(np.concatenate(texts), np.array([len(text) for text in texts]), np.random.default_rng(5))
    pieces = np.split(kept, np.cumsum([len(text) for text in texts])[:-1])
    stay, alone = [], np.zeros(3)
    for text, mask in zip(texts, pieces, strict=True):
        assert mask[0] and mask[-1]
        words = set(text[mask].tolist()) - {-1}
        assert words and mask[np.isin(text, list(words))].all()  # a word goes whole or not at all
        stay.append(len(words))
        if max(text) == 2 and len(words) == 1:
            alone[words.pop()] += 1
    expected = counts * (1 - DELETED) + DELETED**counts  # where all would go, one stays
    assert np.mean(stay) == pytest.approx(expected.mean(), rel=0.02)
    assert alone.min() > 0.7 * alone.mean()


def test_which_words_go_is_a_function_of_the_seed_and_the_batch_whatever_the_share_of_a_process(
    make_encoder: Make, root: Path
) -> None:
    encoder = make_encoder()

    def noisy(seed: int, epoch: int, first: int = 0) -> list[list[int]]:
        settings = settings_for(root, *TSDAE, f"seed={seed}")
        [part] = run_for(encoder, settings, texts_for(encoder)).datamodule.parts
        rows = part.rows(epoch)
        batches = part.batches(rows, rows[:, first:])
        found = [tokens.tolist() for batch in batches for tokens in tokens_of(batch.sentences)]
        return found if first else sorted(found)

    whole = noisy(1, 0)
    assert whole == noisy(1, 0)
    assert whole not in (noisy(2, 0), noisy(1, 1))
    assert all(tokens in whole for tokens in noisy(1, 0, first=2))


def run_of(make_encoder: Make, root: Path, *callbacks: Callback, checkpoint: Path | None = None) -> Run:
    encoder = make_encoder().train()
    table = texts_for(encoder, 21, shaped_for(encoder, {2: 8}))
    settings: Settings = settings_for(root, *TSDAE)
    return fit(encoder, settings, *callbacks, checkpoint=checkpoint, table=table)


def test_stopped_at_a_step_tsdae_ends_as_if_it_had_not_been(make_encoder: Make, root: Path, tmp_path: Path) -> None:
    class Stop(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
            if trainer.global_step == 9:
                raise InterruptedError

    def weights(run: Run) -> Tensor:
        assert run.module.decoder is not None
        return torch.cat([weights_of(run.encoder), *(own.detach().flatten() for own in run.module.decoder.own)])

    path, recorder = tmp_path / "last.ckpt", Recorder(str)
    with pytest.raises(InterruptedError):
        run_of(make_encoder, root, recorder, Checkpoints(path, 1, recorder, lambda: None), Stop())
    whole = run_of(make_encoder, root, Recorder(str))
    assert torch.equal(weights(run_of(make_encoder, root, Recorder(str), checkpoint=path)), weights(whole))
    # the decoder learns with the encoder, and is no part of it
    assert whole.module.decoder is not None
    fresh = Decoder(make_encoder().backbone, dimension=32, padding=1, seed=whole.module.seed)
    pairs = list(zip(whole.module.decoder.own, fresh.own, strict=True))
    assert sum(not torch.equal(one, other) for one, other in pairs) > len(pairs) * 0.8
    assert not any("cross" in name for name in whole.encoder.state_dict())
