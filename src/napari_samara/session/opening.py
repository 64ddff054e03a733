"""What a session is opened with, checked: the image, the folder of its journal, what was saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_samara.engine.crops import CROPS
from napari_samara.errors import FileFormatError, ImageError, SessionError
from napari_samara.formats.stored_labels import StoredLabels
from napari_samara.intensity import Contrast
from napari_samara.session.draft import MODES
from napari_samara.session.journal import Journal, recover
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    import os

    from napari_samara.session.record import SavedSession


DEFAULT_CROP = "auto"
"""What is encoded for a prompt where nobody has chosen."""


@dataclass(frozen=True)
class About:
    """What a new session starts with, or what a saved one had.

    Attributes
    ----------
    contrast : Contrast
        How intensities become what the model sees.
    settings : PredictSettings
        Threshold and clean-up.
    mode : str
        One of `MODES`.
    at_least : float
        Predicted IoU below which candidates of a batch are left out.
    crop : str
        What is encoded for a prompt, one of `crops.CROPS`.
    """

    contrast: Contrast = field(default_factory=Contrast)
    settings: PredictSettings = field(default_factory=PredictSettings)
    mode: str = MODES[0]
    at_least: float = 0.0
    crop: str = DEFAULT_CROP

    @classmethod
    def of(cls, saved: SavedSession | None) -> About:
        """Return what a saved session had, or the defaults.

        Parameters
        ----------
        saved : SavedSession or None
            What is gone on with.

        Returns
        -------
        About
            An unknown mode or crop is the default one.

        Raises
        ------
        FileFormatError
            If an entry is missing or not allowed.
        """
        if saved is None:
            return cls()
        try:
            mode = str(saved.about["mode"])
            crop = str(saved.about.get("crop", DEFAULT_CROP))
            return cls(
                Contrast.from_dict(saved.about["contrast"]),
                PredictSettings.from_dict(saved.about["settings"]),
                mode if mode in MODES else MODES[0],
                float(saved.about.get("at_least", 0.0)),
                crop if crop in CROPS else DEFAULT_CROP,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"session file: {error!r}") from error


def stored_labels(labels: Any) -> StoredLabels | None:
    """Labels on the disk behind what a session writes to.

    Parameters
    ----------
    labels : array or None
        Itself, or an array that has them as the ``data`` of its ``layer``.

    Returns
    -------
    StoredLabels or None
        None where they are in memory.
    """
    data = getattr(getattr(labels, "layer", None), "data", labels)
    return data if isinstance(data, StoredLabels) else None


def free_journal(
    folder: Journal | str | os.PathLike[str] | None, saved: SavedSession | None
) -> Journal | None:
    """Journal in a folder that is free, or that the session goes on with.

    Parameters
    ----------
    folder : Journal, path-like or None
        Where; None for no journal.
    saved : SavedSession or None
        What is gone on with.

    Returns
    -------
    Journal or None
        Open.

    Raises
    ------
    SessionError
        If the folder is in use or holds another annotation.
    OutputError
        If it cannot be written to.
    """
    if folder is None or isinstance(folder, Journal):
        return folder
    journal = Journal(folder)
    if saved is None and recover(folder) is not None:
        journal.close()
        raise SessionError(
            f"{folder} holds an annotation already: resume it, or choose another folder"
        )
    return journal


def spatial_shape(image: Any, rgb: bool) -> tuple[int, ...]:
    """Shape of the labels of an image.

    Parameters
    ----------
    image : array
        With or without channels.
    rgb : bool
        Whether its last axis holds channels.

    Returns
    -------
    tuple of int
        Without channels.

    Raises
    ------
    ImageError
        If it is no array with rows and columns.
    """
    if not hasattr(image, "ndim") or not hasattr(image, "shape"):
        raise ImageError(
            f"a session needs one array, not {type(image).__name__}; give one level of a "
            "multiscale image, or np.asarray of a list"
        )
    shape = tuple(int(size) for size in image.shape)
    spatial = shape[:-1] if rgb else shape
    if len(spatial) < 2 or 0 in shape:
        raise ImageError(f"an image has rows and columns, got shape {shape} with rgb={rgb}")
    return spatial
