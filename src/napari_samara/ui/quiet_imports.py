"""Large packages, imported in a thread while the window stays live.

An import is Python for the most part, and the main thread gets its turns.  Two things hold it up:
loading a shared library of hundreds of megabytes, and the garbage collector, which looks at every
object there is again and again while hundreds of thousands are made.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARIES = {
    "torch": ("lib/libtorch_python.so", "lib/libtorch_python.dylib"),
}
"""Libraries of a package that have all its other ones loaded."""


def import_quietly(*names: str) -> None:
    """Import packages so that other threads go on meanwhile.

    Parameters
    ----------
    *names : str
        Those that are not there are passed over, and so are those that are imported already.
    """
    for name in names:
        if name not in sys.modules and (found := importlib.util.find_spec(name)) is not None:
            for library in _LIBRARIES.get(name, ()):
                load_library(Path(found.origin or "").parent / library)
            with _without_collecting():
                importlib.import_module(name)


def load_library(path: Path) -> bool:
    """Load a shared library without holding Python up; the import finds it loaded.

    Parameters
    ----------
    path : Path
        Passed over where it is not there, and on Windows, where torch loads its own this way.

    Returns
    -------
    bool
        Whether it is loaded.
    """
    if os.name != "posix" or not path.is_file():
        return False
    import ctypes

    # As a foreign function, during whose call other threads run: `ctypes.CDLL` lets none.
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    return bool(dlopen(os.fsencode(path), os.RTLD_NOW | os.RTLD_LOCAL))


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Put the garbage collector off, and count what is made meanwhile as old afterwards."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()  # to the oldest generation and back: else all of it is looked at now
            gc.unfreeze()
        if was:
            gc.enable()
