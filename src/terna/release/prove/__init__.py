"""What a release states, proved from the release alone: downloaded, computed and scored again in a scratch project."""

from terna.release.prove.finding import DIFFERS, PROVED, TRUSTED, Finding
from terna.release.prove.proof import prove

__all__ = ["DIFFERS", "PROVED", "TRUSTED", "Finding", "prove"]
