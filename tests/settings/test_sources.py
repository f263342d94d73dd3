"""A settings file is checked before anything acts on it: each fault is one message with its place and its remedy."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzz_settings import check, contents
from hypothesis import HealthCheck, given, settings
from omegaconf import OmegaConf

from terna.errors import SettingsError
from terna.settings import check_files, check_folder, compose, load

TOKEN = "hf_secret"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def composed(root: Path) -> dict[str, Any]:
    plain: dict[str, Any] = yaml.safe_load((root / "params.yaml").read_text())
    return plain


def refused(act: Callable[[], object]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        act()
    assert TOKEN not in str(caught.value)
    return caught.value.faults


def of_file(folder: Path, content: str | bytes | dict[str, Any]) -> list[str]:
    """The faults of a params.yaml, each without the beginning that names the file."""
    text = yaml.safe_dump(content) if isinstance(content, dict) else content
    (folder / "params.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = refused(lambda: compose(folder, [], "params"))
    assert all(Path(fault.split(": ")[0].split(", line")[0]).name == "params.yaml" for fault in found)
    return [fault.partition("params.yaml")[2] for fault in found]


@pytest.mark.parametrize(
    "text",
    [
        "Authors ${oc.env:HF_TOKEN}",
        "${oc.env:HF_TOKEN,none}",
        "${ oc.env : HF_TOKEN }",
        "${oc.${seed}:HF_TOKEN}",
        "${train.${oc.env:HF_TOKEN}}",
        "${train.${model.pooling}}",
        r"\${oc.env:HF_TOKEN}",
        "${oc.decode:'${oc.env:HF_TOKEN}'}",
        "${hydra:runtime.cwd}",
        "${now:%Y}",
        "${anything:else}",
    ],
)
def test_a_resolver_is_refused_by_key_wherever_it_stands(tmp_path: Path, composed: dict[str, Any], text: str) -> None:
    composed["corpora"]["sample"]["citation"] = text
    composed["logger"]["tags"] = ["plain", text]
    found = of_file(tmp_path, composed)
    assert [fault.split(": ")[1] for fault in found] == ["logger.tags.1", "corpora.sample.citation"][::-1]
    assert all(repr(text) in fault and "write the value, or another setting's key" in fault for fault in found)


def test_a_resolver_that_yaml_spells_otherwise_is_refused_too(tmp_path: Path) -> None:
    assert ": seed: '${oc.env:HF_TOKEN}'" in of_file(tmp_path, r'seed: "\x24\u007boc.env:HF_TOKEN}"')[0]
    assert ": b: '${oc.env:HF_TOKEN}'" in "".join(of_file(tmp_path, "a: &x ${oc.env:HF_TOKEN}\nb: *x"))


@pytest.mark.parametrize("key", ["${oc.env:HF_TOKEN}", "${seed}"])
def test_a_key_interpolates_nothing(tmp_path: Path, composed: dict[str, Any], key: str) -> None:
    composed["train"]["weights"] = {key: 1.0}
    assert of_file(tmp_path, composed) == [f": train.weights.{key!r}: a key interpolates nothing"]
    assert of_file(tmp_path, {key: 1}) == [f": {key}: a key interpolates nothing; write it out"]


def test_a_plain_interpolation_is_what_it_names(tmp_path: Path, composed: dict[str, Any]) -> None:
    composed["release"]["repo"] = "terna/${release.name}-${seed}"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(composed))
    assert load(compose(tmp_path, [], "params")).release.repo == "terna/terna-sample-20220401"


def test_a_resolver_in_conf_is_refused_in_every_file_that_can_be_chosen(tmp_path: Path, root: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    (tmp_path / "model" / "other.yaml").write_text("pooling: ${oc.env:HF_TOKEN}\n")
    (tmp_path / "model" / "another.yml").write_text("# @package hydra.callbacks\na: 1\n")
    found = refused(lambda: compose(tmp_path, []))
    assert "model/other.yaml: pooling: '${oc.env:HF_TOKEN}'" in found[1]
    assert "model/another.yml: # @package hydra.callbacks" in found[0]
    assert found == refused(lambda: check_folder(tmp_path))
    check_folder(root / "conf")


@pytest.mark.parametrize("word", ["release.name=${oc.env:HF_TOKEN}", r"release.name=$\{oc.env\:HF_TOKEN\}"])
def test_a_resolver_in_an_override_that_is_written_down_is_refused(root: Path, word: str) -> None:
    [found] = refused(lambda: compose(root / "conf", [word]))
    assert found.startswith(f"{word}: ")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("hydra:\n  callbacks: {x: {_target_: os.system}}\n", ": hydra: settings of Hydra's own run what they name"),
        ("defaults: [override hydra/callbacks: x]\n", ": defaults: composed settings choose no groups"),
        ("# @package hydra.callbacks\nx: 1\n", ": # @package hydra.callbacks: moves"),
        ("# @package _global_\nx: 1\n", ": # @package _global_: moves"),
        ("seed: [\n", ", line 2, column 1: not valid YAML"),
        ("seed: 1\n\tlr: 2\n", ", line 2"),
        (
            "seed: 1\ntrain: {lr: 1, lr: 2}\n",
            ", line 2, column 16: not valid YAML for settings (found duplicate key lr)",
        ),
        ("seed: 1\nseed: 1\n", ", line 2, column 1: not valid YAML for settings (found duplicate key seed)"),
        (" \ufeff0x" + "f" * 400, ": a lone value, not settings by key"),
        (b"seed: 1\nname: caf\xe9\n", ", line 2: byte 0xe9 is not UTF-8"),
        ("- seed\n", ": a list, not settings by key"),
        ("5\n", ": not valid YAML for settings"),
        ("a: 1\n---\nb: 2\n", ", line 2: a second document"),
        ("a: &a [*a]\n", ", line 1: *a contains itself"),
        ("a: &a\n  b: *a\n", ", line 2: *a contains itself"),
        ("a: " + "[" * 100_000, ", line 1: deeper"),
        ("a: 0x" + "f" * 5000, ": a: a number: longer than 64 bits"),
        ("a: " + "1" * 5000, ": not valid YAML for settings (Exceeds the limit"),
        ("a: !!python/name:os.system ''\n", ", line 1, column 4: not valid YAML for settings (could not determine"),
        ("a: !!binary aGk=\n", ": a: b'hi': a bytes; write text"),
        ("a: " + "x" * 300_000, ": larger than 262,144 bytes"),
        ("a: {on: 1}\n", ": a.True: a key is text; put it in quotes"),
        ("{1: 2}\n", ": 1: a key is text, not 1; put it in quotes"),
    ],
)
def test_what_no_settings_file_says_is_refused_in_one_message(tmp_path: Path, content: str | bytes, fault: str) -> None:
    assert of_file(tmp_path, content)[0].startswith(fault)


def test_a_file_that_cannot_be_read_is_named_with_what_makes_it(tmp_path: Path) -> None:
    [missing] = refused(lambda: check_files(tmp_path, "params"))
    assert missing.endswith("params.yaml: no such file; `make params` composes it from conf/")
    (tmp_path / "params.yaml").mkdir()
    [folder] = refused(lambda: check_files(tmp_path, "params"))
    assert folder.endswith("params.yaml: a folder, not a file; `make params` composes it from conf/")
    [other] = refused(lambda: compose(tmp_path, [], "nowhere"))
    assert other.endswith("nowhere.yaml: no such file; see --config-path and --config-name")


def test_aliases_that_multiply_are_refused_before_they_are_written_out(tmp_path: Path) -> None:
    laughs = "a0: &a0 [ha, ha]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    [found] = of_file(tmp_path, laughs)
    assert "deeper, or more often repeated, than settings are" in found
    long = f"a: &a {'x' * 100_000}\nb: [*a, *a, *a]\n"
    assert "more often repeated" in of_file(tmp_path, long)[0]


def test_interpolations_that_multiply_or_have_no_end_are_refused_before_they_are_resolved() -> None:
    doubling = {"a0": "x" * 64} | {f"a{n}": f"${{a{n - 1}}}" * 9 for n in range(1, 10)}
    for config in (doubling, dict(reversed(doubling.items()))):
        [found] = refused(lambda config=config: load(OmegaConf.create(config)))  # type: ignore[misc]
        assert "more than 262,144 characters once interpolated" in found
    for circle in ({"a": "${b}", "b": "${a}"}, {"a": {"b": "${a}"}}, {"a": ["${..b}"], "b": "${a.0}"}):
        [found] = refused(lambda config=circle: load(OmegaConf.create(config)))  # type: ignore[misc]
        assert "interpolates in a circle" in found
    [found] = refused(lambda: load(OmegaConf.create({"seed": "${nowhere}"})))
    assert found == "seed: Interpolation key 'nowhere' not found; correct the interpolation"


@pytest.mark.parametrize("name", ["x$(touch pwned)", "x;y", "X", "", "a b", "a\n", "-rf", "../x", "ñ", "x" * 101])
@pytest.mark.parametrize("group", ["corpora", "parallel", "evaluate.benchmarks", "evaluate.systems", "train.weights"])
def test_a_name_that_a_shell_or_a_folder_would_read_otherwise_is_refused(
    composed: dict[str, Any], group: str, name: str
) -> None:
    place: Any = composed
    for part in group.split("."):
        place = place[part]
    place[name] = next(iter(place.values()), 1.0)
    said = [fault for fault in refused(lambda: load(composed)) if fault.startswith(f"{group}.{name[:100]}: ")]
    assert any("is not a valid name; up to 100 lower-case letters, digits, - and _ are" in fault for fault in said)


def test_the_names_that_dvc_expands_are_checked_as_such(composed: dict[str, Any]) -> None:
    composed["fetch"] |= {"corpora": ["x$(touch pwned)"], "only": "a b"}
    assert [fault.split(": ")[0] for fault in refused(lambda: load(composed))] == ["fetch.corpora.0", "fetch.only"]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("key", ["lr", "scale", "weight_decay", "eps"])
def test_no_number_of_the_settings_is_infinite(composed: dict[str, Any], key: str, value: float) -> None:
    composed["train"][key] = value
    [found] = refused(lambda: load(composed))
    assert found.startswith(f"train.{key}: ")


def test_what_python_holds_and_settings_do_not_is_named(composed: dict[str, Any]) -> None:
    composed["seed"], composed["release"]["repo"], composed["logger"]["tags"] = 2**70, b"x", ["\ud800", object()]
    composed["machine"]["progress"] = circle = {}
    circle["x"] = circle
    assert {fault.split(": ")[0][:30] for fault in refused(lambda: load(composed))} == {
        "seed",
        "release.repo",
        "logger.tags.0",
        "logger.tags.1",
        "machine.progress" + ".x" * 7,
    }
    assert "not settings by key" in refused(lambda: load([1]))[0]
    assert "missing; `make params`" in refused(lambda: load({}))[0]


def test_a_message_stays_short_whatever_is_in_the_file(composed: dict[str, Any]) -> None:
    composed["machine"] = {f"key{n}": 1 for n in range(5000)}
    composed |= {f"key{n}": "x" for n in range(5000)} | {"x" * 10_000: 1}
    composed["train"]["lr"] = "y" * 10_000
    found = refused(lambda: load(composed))
    assert len(found) == 51 and found[-1].startswith("and ") and len("".join(found)) < 20_000


@given(contents)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_file_it_is_settings_or_a_fault(tmp_path: Path, content: bytes) -> None:
    check(content, tmp_path)


def test_the_fuzz_reaches_sound_settings(root: Path, tmp_path: Path) -> None:
    assert check((root / "params.yaml").read_bytes(), tmp_path) is not None
