"""Annotating from a script: one call gives the handle that the dock widget works with too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.ui.annotator import Annotator
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.open_annotators import bare, register

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_samara.engine.predictor import Predictor
    from napari_samara.ui.keeping import Keeping
    from napari_samara.ui.layer_set import GivenLayers


def annotate(
    viewer: ViewerModel,
    image_layer: Image | Sequence[Image],
    checkpoint: str | os.PathLike[str] | Predictor = "samara-tiny",
    given: GivenLayers | None = None,
    level: int | None = None,
    keeping: Keeping | None = None,
) -> Annotator:
    """Begin to annotate an image of a viewer.

    The checkpoint is loaded before the call returns.  Encoding and decoding run in a worker thread:
    ``handle.session.wait()`` waits for their results.  An annotation that is open in this viewer
    is closed first; its layers stay.

    Parameters
    ----------
    viewer : napari.Viewer
        That shows the image.
    image_layer : napari.layers.Image or sequence of them
        What is annotated: one layer, or up to three of one channel each, of one shape and at one
        place, that become red, green and blue.
    checkpoint : str, path-like or Predictor
        As for `napari_samara.load`.
    given : GivenLayers, optional
        Points, shapes and labels layers to work on; new ones are made if left out.
    level : int, optional
        Of a multiscale image; the finest that is comfortable if left out.
    keeping : Keeping, optional
        Where the annotation is saved, what is gone on with, and where embeddings are kept; without,
        nothing is saved.

    Returns
    -------
    Annotator
        With ``session``, ``points``, ``shapes``, ``labels`` and ``preview``.

    Raises
    ------
    ImageError
        If the image cannot be annotated, or the given labels or what was saved do not fit it.
    SessionError, OutputError
        If the folder cannot be written to, is in use or holds another annotation.
    CheckpointError, DownloadError, DeviceError
        As for `napari_samara.load`.
    """
    from napari_samara.api import load
    from napari_samara.engine.predictor import Predictor

    viewer = bare(viewer)
    predictor = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint)
    return register(
        viewer,
        lambda: Annotator(viewer, ImageBinding.of(image_layer, level), predictor, given, keeping),
    )
