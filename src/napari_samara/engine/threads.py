"""How many cores torch takes, for a while."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def leaving(cores: int) -> Iterator[None]:
    """Compute without some of the cores, in this thread, so that something else goes on smoothly.

    The threads of a small model wait for each other hundreds of times.  Where another thread
    holds one of their cores each of these waits is long, and both are slower than with one less.

    Parameters
    ----------
    cores : int
        How many are left; one thread remains in any case.
    """
    before = torch.get_num_threads()
    wanted = max(1, min(before, (os.cpu_count() or 1) - cores))
    if cores < 1 or wanted == before:
        yield
        return
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
