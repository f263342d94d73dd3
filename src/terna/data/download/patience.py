"""How long a server may take, and how much it may send, before the next address is tried."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Limits of one transfer; times in seconds, sizes in bytes."""

    attempts: int = 6
    """Tries in a row that bring less than `headway`."""
    headway: int = 1 << 20
    """What a try must add to the file for the count to begin again."""
    backoff: float = 1.0
    """Wait before the second try; it doubles with each."""
    longest_wait: float = 120.0
    """No wait is longer, whatever Retry-After asks for."""
    stall: float = 30.0
    """Time without a byte, on connecting too."""
    lowest_rate: float = 4096.0
    """Bytes a second below which, over `window`, a connection is cut."""
    window: float = 60.0
    """Over which the rate is taken."""
    longest: float = 86_400.0
    """Time for one address, all tries and waits together; what came is kept for a later call, which resumes."""
    largest: int = 32 << 30
    """Size of a file, whatever the server says."""
    largest_head: int = 16 << 10
    """Size of an answer's headers, of a chunk's head, and of its trailers."""
    redirects: int = 20
    """Redirects from one address to the file."""


PATIENCE = Patience()
