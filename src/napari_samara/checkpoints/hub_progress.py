"""Progress of downloads that huggingface_hub makes, told to a reporter that can end them.

From version 1 on huggingface_hub counts the bytes of all files in bars of a class that is given to
it.  Before, it gives that class the number of files only: the folder is looked at instead, and a
download ends with the file that it is at.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from napari_samara.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_samara.checkpoints.transfer import Reporter

# Seconds between two looks at a folder.
_LOOK = 0.25


class Tally:
    """Bytes of one download, added up over bars.

    Parameters
    ----------
    reporter : Reporter
        Is told of them.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.bars: list[Any] = []

    def tell(self) -> None:
        """Report the bar that is farthest: some count the same bytes on two ways.

        Raises
        ------
        CancelledError
            If the download is to end.
        """
        if self.bars:
            bar = max(self.bars, key=lambda one: one.n)
            self.reporter.tell(int(bar.n), int(bar.total or 0))

    def check(self) -> None:
        """Raise CancelledError if the download is to end."""
        if self.reporter.cancelled is not None and self.reporter.cancelled():
            raise CancelledError("the download was stopped; what has come is kept")


def bar_class(tally: Tally) -> type:
    """Class of progress bars that show nothing and count.

    Parameters
    ----------
    tally : Tally
        Gets the bytes.

    Returns
    -------
    type
        A tqdm.
    """
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            counts = kwargs.get("unit") == "B"
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})
            if counts:
                tally.bars.append(self)

        def __iter__(self) -> Iterator[Any]:
            for item in self.iterable:
                tally.check()
                yield item

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            tally.tell()
            return None

    return Bar


@contextlib.contextmanager
def watched(folder: Path, tally: Tally) -> Iterator[None]:
    """Report how much a folder grows, for as long as no bar counts bytes.

    Parameters
    ----------
    folder : Path
        Of the files; it may not exist yet.
    tally : Tally
        Whose reporter is told.

    Yields
    ------
    None
        While the folder is looked at.
    """
    before, over = _size(folder), threading.Event()

    def look() -> None:
        with contextlib.suppress(CancelledError):  # the bars tell who waits
            while not over.wait(_LOOK) and not tally.bars:
                tally.reporter.tell(max(0, _size(folder) - before), 0)

    thread = threading.Thread(target=look, name="samara-download", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _size(folder: Path) -> int:
    """Bytes of the files in a folder, which may come and go."""
    total = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                total += path.stat().st_size
    return total
