"""Labels in a zarr folder as an array: what is indexed is read, what is set is written."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import OutputError
from napari_samara.file_lock import FileBusyError, locked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class StoredLabels:
    """Labels of an OME-Zarr folder as an array: what is indexed is read, what is set is written.

    Parameters
    ----------
    array : zarr.Array
        Of whole numbers, open for writing.
    path : Path
        Of the folder, named in errors.
    highest : int, optional
        Highest label in it, where that is known.
    """

    def __init__(self, array: Any, path: Path, highest: int | None = None) -> None:
        self.array, self.path = array, path
        self._highest = highest
        self._held, self._holding = contextlib.ExitStack(), False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return tuple(int(size) for size in self.array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the labels."""
        found: np.dtype[Any] = np.dtype(self.array.dtype)
        return found

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def highest(self) -> int:
        """Highest label when the folder was opened; found in the chunks that are there."""
        if self._highest is None:
            blocks = (int(block.max(initial=0)) for block in self.written())
            self._highest = max(blocks, default=0)
        return self._highest

    @property
    def blank(self) -> bool:
        """Whether nothing was ever written: all labels are 0."""
        return not self._corners()

    def hold(self) -> None:
        """Keep other processes of this machine, and other sessions, from holding them too.

        Nothing happens where they are held by this very array.

        Raises
        ------
        OutputError
            If one does.
        """
        if self._holding:
            return
        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]
        with contextlib.suppress(PermissionError):  # of another user: without a lock then
            try:
                lock = Path(tempfile.gettempdir()) / f"samara-labels-{digest}.lock"
                self._held.enter_context(locked(lock, remove=True))
                self._holding = True
            except FileBusyError as error:
                raise OutputError(
                    f"another session writes to the labels {self.path}; close it first, or give "
                    "other labels"
                ) from error

    def release(self) -> None:
        """Let others hold them."""
        self._held.close()
        self._holding = False

    def written(self) -> Iterator[NDArray[Any]]:
        """Yield the parts of the labels that were ever written; the others are 0."""
        for region in self._regions():
            yield self[region]

    def has(self, labels: NDArray[Any]) -> bool:
        """Whether these are the labels of an array; where nothing was written they are 0.

        Parameters
        ----------
        labels : ndarray of int
            Of any shape.
        """
        if labels.shape != self.shape:
            return False
        here = 0
        for region in self._regions():
            part = labels[region]
            if not np.array_equal(self[region], part):
                return False
            here += int(np.count_nonzero(part))
        return here == int(np.count_nonzero(labels))

    def clear(self) -> None:
        """Make all labels 0.

        Raises
        ------
        OutputError
            As for writing.
        """
        for region in self._regions():
            if self[region].any():
                self[region] = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = self[...]
        return found if dtype is None else found.astype(dtype, copy=False)

    def __getitem__(self, region: Any) -> NDArray[Any]:
        return np.asarray(self.array[region])

    def __setitem__(self, region: Any, values: Any) -> None:
        """Write a region.

        Raises
        ------
        OutputError
            If the disk is full, or the folder must not be written to or is gone.
        """
        try:
            self.array[region] = values
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) and "read-only" not in str(error):
                raise
            why = getattr(error, "strerror", None) or error
            raise OutputError(f"cannot write the labels {self.path}: {why}") from error

    @property
    def _sides(self) -> tuple[int, ...]:
        """Shape of what lies in one file."""
        shards = getattr(self.array, "shards", None)
        return tuple(int(side) for side in shards or self.array.chunks)

    def _regions(self) -> Iterator[tuple[slice, ...]]:
        """Where there is a file."""
        for corner in self._corners():
            yield tuple(
                slice(at * side, (at + 1) * side)
                for at, side in zip(corner, self._sides, strict=True)
            )

    def _corners(self) -> list[tuple[int, ...]]:
        """Chunks of which there is a file, or all where that cannot be seen."""
        folder = Path(self.array.store.root) / self.array.path
        found = set()
        for parent, _, names in os.walk(folder):
            for name in names:
                inside = (Path(parent) / name).relative_to(folder).as_posix()
                parts = inside.removeprefix("c/").replace(".", "/").split("/")
                if len(parts) == self.ndim and all(part.isdigit() for part in parts):
                    found.add(tuple(int(part) for part in parts))
        if found or not any(folder.glob("c*")):
            return sorted(found)
        counts = [-(-size // side) for size, side in zip(self.shape, self._sides, strict=True)]
        return list(itertools.product(*map(range, counts)))
