"""A saved session brought back to life: its labels and changes, away from any window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.embedding import pixels_digest
from napari_samara.errors import ImageError, SamaraError
from napari_samara.formats.ome_labels import open_labels
from napari_samara.session.label_runs import fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.session.change import Change
    from napari_samara.session.record import SavedSession

# Larger images are known by name, shape and the planes that were annotated.
_HASHED = 1 << 28


@dataclass(frozen=True, eq=False)
class Restored:
    """A saved session, replayed for the image it was made on.

    Replaying takes time where there were many steps, and so does looking at the pixels of the
    image: a program with a window does both in a thread and gives the session the result.

    Attributes
    ----------
    saved : SavedSession
        What was replayed.
    labels : ndarray of int
        As they were at the end; the session that gets this goes on with this very array.
    changes : list of Change
        All steps, for the history.
    highest, first : int
        Highest label at the end, and before the first step: a session need not look for them.
    """

    saved: SavedSession
    labels: NDArray[Any]
    changes: list[Change]
    highest: int
    first: int

    @classmethod
    def of(cls, saved: SavedSession, image: Any, rgb: bool = False, labels: Any = None) -> Restored:
        """Replay a saved session.

        Parameters
        ----------
        saved : SavedSession
            As `recover` returns it.
        image : array
            That it is to be gone on with.
        rgb : bool
            Whether the last axis of the image holds channels.
        labels : array of int, optional
            To be made what they were at the end, in place and block by block: for labels larger
            than memory.

        Returns
        -------
        Restored
            Ready to be given to a session as `saved`.

        Raises
        ------
        ImageError
            If it was made on an image of another shape or with other pixels.
        FileFormatError
            If a step cannot be read or does not fit the labels.
        """
        check_image(saved, image, rgb)
        if labels is None:
            labels = saved.labels_before()
        else:
            check_labels(saved, labels)
            fill(labels, saved.start)
        first = _highest(labels) if saved.start is not None else 0
        changes = saved.replayed(labels)
        return cls(saved, labels, changes, _highest(labels) if first or changes else 0, first)

    @classmethod
    def in_place(cls, saved: SavedSession, image: Any, rgb: bool = False) -> tuple[Restored, str]:
        """Replay a saved session, and go on in the folder that its labels were in.

        Nothing is written: the folder is taken up where it has the very labels of the session.

        Parameters
        ----------
        saved, image, rgb
            As for `of`.

        Returns
        -------
        Restored, str
            With labels that are held, see `StoredLabels.hold`; else in memory, and why: the folder
            is gone or in use, or has been changed since.  "" where they were in memory before.

        Raises
        ------
        ImageError, FileFormatError
            As for `of`.
        """
        restored, folder = cls.of(saved, image, rgb), saved.about.get("labels_folder")
        if not isinstance(folder, str):
            return restored, ""
        labels: Any = None
        try:
            labels = open_labels(folder)
            labels.hold()
        except (OSError, SamaraError) as error:
            return restored, f"The labels are in memory now: {error}."
        if labels.dtype == restored.labels.dtype and labels.has(restored.labels):
            return replace(restored, labels=labels), ""
        labels.release()
        return restored, (
            f"The labels are in memory now: those in {folder} were changed since, and are left as "
            "they are."
        )


def check_image(saved: SavedSession, image: Any, rgb: bool = False) -> None:
    """Refuse an image that a saved session was not made on.

    Parameters
    ----------
    saved : SavedSession
        As `recover` returns it.
    image : array
        Its pixels are looked at where they are in memory and not too many.
    rgb : bool
        Whether the last axis of the image holds channels.

    Raises
    ------
    ImageError
        If shape or pixels differ.
    """
    shape = tuple(int(size) for size in image.shape[: -1 if rgb else None])
    if saved.shape != shape:
        raise ImageError(
            f"the saved session is of an image of shape {saved.shape}, this one has {shape}; "
            "open the image it was made on"
        )
    known = saved.about.get("image", {}).get("sha256")
    digest = image_digest(image) if known is not None else None
    if digest is not None and digest != known:
        raise ImageError(
            "the saved session is of an image of this shape with other pixels; open the image "
            f"it was made on ({saved.about['image'].get('source') or 'its name is not known'})"
        )


def image_digest(image: Any) -> str | None:
    """Digest of the pixels of an image that is in memory and not too large.

    Parameters
    ----------
    image : array
        As the session has it.

    Returns
    -------
    str or None
        None where it would take long to read.
    """
    parts = getattr(image, "arrays", (image,))  # several channels that lie in arrays of their own
    if all(isinstance(part, np.ndarray) for part in parts) and image.nbytes <= _HASHED:
        return pixels_digest(image)
    return None


def check_labels(saved: SavedSession, labels: Any) -> None:
    """Refuse labels that cannot hold those of a saved session.

    Parameters
    ----------
    saved : SavedSession
        With the shape and type of its labels.
    labels : array of int
        That are to become those.

    Raises
    ------
    ImageError
        If the shape differs, or the type is a smaller one.
    """
    if tuple(labels.shape) != saved.shape:
        raise ImageError(
            f"labels of shape {tuple(labels.shape)} do not fit the saved ones of {saved.shape}"
        )
    if not np.can_cast(np.dtype(saved.dtype), labels.dtype):
        raise ImageError(
            f"labels of {labels.dtype} cannot hold the saved ones of {np.dtype(saved.dtype)}"
        )


def _highest(labels: Any) -> int:
    if hasattr(labels, "written"):  # only parts of it are not 0
        return max((int(block.max(initial=0)) for block in labels.written()), default=0)
    return max(0, int(labels.max(initial=0)))
