"""The headless verbs for annotation: a session opened, or replayed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.api import DEFAULT_CHECKPOINT, load
from napari_samara.errors import FileFormatError, ImageError, OutputError
from napari_samara.formats.ome_labels import (
    create_labels,
    is_label_folder,
    open_labels,
    require_label_folder,
    whole_labels,
)
from napari_samara.images import open_image
from napari_samara.volumes import grid_of

# torch takes seconds to import: the functions that need it import what needs it.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.engine.predictor import Predictor
    from napari_samara.formats.stored_labels import StoredLabels
    from napari_samara.session import SavedSession, Session
    from napari_samara.store import EmbeddingStore

_VOLUME_AXES = 3


def open_session(
    image: Any,
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    store: EmbeddingStore | str | os.PathLike[str] | None = None,
    device: str = "auto",
    resume: SavedSession | str | os.PathLike[str] | None = None,
    **options: Any,
) -> Session:
    """Open a session: prompts in, candidates out, objects accepted into labels, all undoable.

    Parameters
    ----------
    image : array or path-like
        (rows, cols), (rows, cols, 3 or 4) or with more axes before these; lazy arrays (dask,
        zarr) are read plane by plane.  A path is read with `read_image`; OME-Zarr stays lazy.
    checkpoint : str, path-like or Predictor
        As for `load`; a predictor is used as it is.
    store : EmbeddingStore or path-like, optional
        Where embeddings are kept beyond the session; a path is a `ZarrStore`.  With one, the
        contrast of a volume is the same for all slices (`volume_contrast`), as `embed` has it.
    device : str
        As for `load`; without meaning where a predictor is given.
    resume : SavedSession or path-like, optional
        Session file, or folder of a journal, to go on with; a folder that holds nothing yet
        starts anew, and the journal is kept in it.
    **options
        Of `Session`: rgb, contrast, settings, runner, labels, journal, source.  Without `rgb`, a
        last axis of 3 or 4 after two others is taken for channels.  ``labels`` may be the path of
        an OME-Zarr label image, which is changed in place and made if it is not there: for labels
        larger than memory.

    Returns
    -------
    Session
        Close it at the end, or use `contextlib.closing`.

    Raises
    ------
    ImageError
        If image, labels and what was saved do not fit each other.
    FileFormatError, FileNotFoundError
        If a file cannot be read.
    OutputError
        If ``labels`` cannot be written to.
    SessionError
        If the folder of the journal is in use or holds another annotation.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.engine.predictor import Predictor
    from napari_samara.session import Session, read_session, recover
    from napari_samara.session.opening import spatial_shape
    from napari_samara.session.stores import embedding_store
    from napari_samara.session.volume_job import has_channels
    from napari_samara.volume_contrast import volume_contrast

    source = Path(image) if isinstance(image, str | os.PathLike) else None
    if source is not None:
        options.setdefault("source", str(image))
        image, rgb = open_image(source)
        if rgb is not None:
            options.setdefault("rgb", rgb)
    if isinstance(resume, str | os.PathLike):
        if Path(resume).is_file() or Path(resume).suffix == ".json":
            resume = read_session(resume)
        else:
            options.setdefault("journal", Path(resume))
            resume = recover(resume)
    if isinstance(store, str | os.PathLike):
        store = embedding_store(store)
    options.setdefault("rgb", has_channels(image))
    if isinstance(options.get("labels"), str | os.PathLike):
        shape = spatial_shape(image, options["rgb"])
        options["labels"] = _labels(Path(options["labels"]), shape, source)
    if store is not None and resume is None and options.get("contrast") is None:
        spatial_shape(image, options["rgb"])  # before its slices are looked at
        options["contrast"] = volume_contrast(image, rgb=options["rgb"])
    loaded = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint, device)
    return Session(image, loaded, store=store, saved=resume, **options)


def replay(path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> NDArray[Any]:
    """Labels of a saved session, made again step by step; needs neither image nor model.

    Parameters
    ----------
    path : path-like
        Session file, or the folder of a journal.
    out : path-like, optional
        OME-Zarr label image to make them in: for labels larger than memory.

    Returns
    -------
    ndarray of int, shape of the image without channels
        Equal to the labels when it was saved, on every machine; with `out`, a `StoredLabels`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is something else or damaged.
    OutputError
        If `out` cannot be written.
    """
    from napari_samara.session import read_session, recover
    from napari_samara.session.label_runs import fill

    path = Path(path)
    saved = recover(path) if path.is_dir() else read_session(path)
    if saved is None:
        raise FileNotFoundError(f"no session in the folder {path}")
    try:
        if out is None:
            labels = saved.labels_before()
            saved.replayed(labels)
            return labels
        with whole_labels(out, saved.shape, dtype=saved.dtype) as stored:
            fill(stored, saved.start)
            saved.replayed(stored)
        return stored  # type: ignore[return-value]  # an array like any other
    except (FileFormatError, ImageError) as error:
        raise FileFormatError(f"{path}: {error}") from error


def _labels(path: Path, shape: tuple[int, ...], image: Path | None) -> StoredLabels:
    """Open or make the labels that a session writes to."""
    if not is_label_folder(path):
        raise OutputError(
            f"{path}: labels are changed in place in OME-Zarr alone; name a folder that ends in "
            ".ome.zarr, or give an array and save it at the end"
        )
    if path.exists():
        return open_labels(path)
    require_label_folder(path)
    grid = grid_of(image) if image is not None and len(shape) == _VOLUME_AXES else None
    return create_labels(path, shape, grid)
