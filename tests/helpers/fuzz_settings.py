"""Random settings files: what the loader makes of each is `Settings` or a SettingsError, soon, and never anything else.

    python tests/helpers/fuzz_settings.py 3600

runs for so many seconds; a finding is printed as hypothesis prints it, smallest first.
"""

import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from terna.errors import SettingsError
from terna.settings import Settings, check_files, load

ROOT = Path(__file__).resolve().parents[2]
# seconds that an input may take
PATIENCE = 10
ROUND = 200
PIECES = ("a", "seed", "train", ":", " ", "\n", "\n  ", "- ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: ", "!!binary ")
PIECES += ("!!python/name:os.system", "!!set", "? ", "|", ">", '"', "'", "#", "---\n", "...", "\t", "\0", "\ufeff", "%")
PIECES += ("${seed}", "${oc.env:HOME}", "${a.${b}}", "${a}", "${..a}", "${", "}", "\\", "???", "# @package hydra\n")
PIECES += ("0x" + "f" * 400, "1" * 5000, "1e999", ".nan", ".inf", "1:30:00", "0b_", "on", "2020-01-01", "~", "é")

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**80), max_value=2**80),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(PIECES),
    st.binary(max_size=3),
    st.dates(),
)
keys = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.sampled_from(PIECES))
nested = st.recursive(odd, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
soup = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
edits = st.lists(
    st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=8), keys | st.just("lr"), nested), max_size=3
)


@cache
def composed() -> str:
    return (ROOT / "params.yaml").read_text(encoding="utf-8")


def edited(changes: list[tuple[list[int], Any, Any]]) -> bytes:
    """params.yaml with values put in, or put in the place of others, at random places."""
    whole = yaml.safe_load(composed())
    for path, key, value in changes:
        put(whole, path, key, value)
    return yaml.safe_dump(whole, allow_unicode=True).encode("utf-8", "surrogatepass")


def put(node: Any, path: list[int], key: Any, value: Any) -> None:
    for step in path:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not places:
            return
        place = places[step % len(places)]
        if not isinstance(node[place], (dict, list)):
            break
        node = node[place]
    else:
        place = key
    if isinstance(node, dict):
        node[place] = value


def spliced(text: str, place: int) -> bytes:
    """Pieces of YAML within params.yaml."""
    whole = composed()
    place %= len(whole)
    return (whole[:place] + text + whole[place:]).encode("utf-8", "surrogatepass")


contents = st.one_of(
    st.binary(max_size=40),
    soup.map(str.encode),
    st.builds(edited, edits),
    st.builds(spliced, soup, st.integers(0, 10**5)),
)


def check(content: bytes, folder: Path) -> Settings | None:
    """What the loader makes of a params.yaml; None for a SettingsError, which must name a fault."""
    path = folder / "params.yaml"
    path.write_bytes(content)
    started = time.perf_counter()
    try:
        check_files(folder, "params")
        with path.open(encoding="utf-8") as file:  # as Hydra reads it
            return load(OmegaConf.load(file))
    except SettingsError as error:
        if not error.faults or len(str(error)) > 100_000:
            raise AssertionError(f"{len(error.faults)} faults in {len(str(error))} characters") from error
        return None
    finally:
        taken = time.perf_counter() - started
        if taken > PATIENCE:
            raise AssertionError(f"{taken:.0f} s for {content[:200]!r}")


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)

        @settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(contents)
        def many(content: bytes) -> None:
            check(content, place)

        end, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            many()
            rounds += 1
            print(f"{rounds * ROUND} inputs", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
