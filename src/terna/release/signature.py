"""The signature of a release: the sha256 of each of its files, signed with a private key.

A Sigstore bundle by the OpenSSF's Model Signing specification, which model-signing writes and reads. With a key of
one's own it asks nothing of a network.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from terna.errors import PublishError, words_of

SIGNATURE = Path("model.sig")


def sign(files: Mapping[str, Path], key: Path, out: Path) -> None:
    """Write to `out` a signature of `files`, by their paths on the hub.

    key: an elliptic curve's private key in PEM. Raises PublishError for a file that is none, and without model-signing.
    """
    library = _library()
    signer = library.signing.Config().set_hashing_config(library.hashing.Config().set_allow_symlinks(True))
    try:
        signer.use_elliptic_key_signer(private_key=key)
    except (ValueError, TypeError, OSError) as error:
        raise PublishError(
            f"{key}: {words_of(error)}; give an elliptic curve's private key in PEM, without a password (openssl "
            "ecparam -name prime256v1 -genkey -noout -out FILE)"
        ) from error
    with _laid(files) as folder:
        signer.sign(folder, out)


def fault(files: Mapping[str, Path], signature: Path, key: Path) -> str | None:
    """Why a signature is not one of these files by the owner of a public key; None where it is.

    files: by their paths on the hub. key: in PEM. Raises PublishError without model-signing.
    """
    library = _library()
    verifier = library.verifying.Config().set_hashing_config(library.hashing.Config().set_allow_symlinks(True))
    try:
        with _laid(files) as folder:
            verifier.use_elliptic_key_verifier(public_key=key).verify(folder, signature)
    except Exception as error:  # of a broken file each of its libraries raises its own
        return words_of(error) or type(error).__name__
    return None


def _library() -> Any:
    try:
        import model_signing
        import model_signing.hashing
        import model_signing.signing
        import model_signing.verifying
    except ImportError as error:
        raise PublishError(f"a signature needs model-signing ({error}): pip install -e '.[sign]'") from error
    return model_signing


@contextmanager
def _laid(files: Mapping[str, Path]) -> Iterator[Path]:
    """A folder of links to the files, as they lie in a repository of the hub."""
    with tempfile.TemporaryDirectory(prefix="terna-") as folder:
        for name, path in files.items():
            link = Path(folder) / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.absolute())
        yield Path(folder)
