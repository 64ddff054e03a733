"""How the annotation of a viewer begins: anew, or where one that was saved has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_samara.formats.stored_labels import StoredLabels
from napari_samara.session import Session
from napari_samara.session.restored import Restored
from napari_samara.ui.contrast import DISPLAYED, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer

    from napari_samara.engine.predictor import Predictor
    from napari_samara.session import JobRunner
    from napari_samara.ui.binding import ImageBinding
    from napari_samara.ui.keeping import Keeping
    from napari_samara.ui.layer_set import GivenLayers, LayerSet


def with_restored(keeping: Keeping, binding: ImageBinding) -> Keeping:
    """Replay what was saved, where that was not done yet.

    Parameters
    ----------
    keeping : Keeping
        With a saved session, or without.
    binding : ImageBinding
        The image.

    Returns
    -------
    Keeping
        Whose saved session is a `Restored`.

    Raises
    ------
    ImageError, FileFormatError
        As for `Restored.of`.
    """
    if keeping.saved is None or isinstance(keeping.saved, Restored):
        return keeping
    restored, _ = Restored.in_place(keeping.saved, binding.data, binding.rgb)
    return replace(keeping, saved=restored)


def layers_for(
    keeping: Keeping, given: GivenLayers, binding: ImageBinding, shown: Iterable[Layer] = ()
) -> GivenLayers:
    """Layers to work on, with a labels layer that may take the labels that were saved.

    Parameters
    ----------
    keeping : Keeping
        As `with_restored` returns it.
    given : GivenLayers
        Of the user.
    binding : ImageBinding
        The image.
    shown : iterable of napari.layers.Layer
        Of the viewer; one of them may show the labels that were saved in a folder.

    Returns
    -------
    GivenLayers
        With new labels, unless those of the user can hold what was saved and lose nothing by it,
        or show the folder that it was saved in.
    """
    if not isinstance(keeping.saved, Restored):
        return given
    saved: Any = keeping.saved.labels
    if isinstance(saved, StoredLabels):
        found = next((layer for layer in shown if _shows(layer, saved)), None)
        if found is not None:
            found.data = saved  # the array that is held
        made = found or Labels(saved, name=saved.path.name.split(".")[0], **binding.placement())
        return replace(given, labels=made)
    if given.labels is not None and _may_become(given.labels, saved):
        return given
    name = f"{binding.layer.name} labels"
    return replace(given, labels=Labels(saved, name=name, **binding.placement()))


def open_session(
    binding: ImageBinding,
    predictor: Predictor,
    layers: LayerSet,
    keeping: Keeping,
    runner: JobRunner,
) -> Session:
    """Session that writes into a labels layer.

    Parameters
    ----------
    binding : ImageBinding
        The image.
    predictor : Predictor
        The model.
    layers : LayerSet
        Has the labels.
    keeping : Keeping
        As `with_restored` returns it.
    runner : JobRunner
        Does the work.

    Returns
    -------
    Session
        That goes on unsaved, and says so, where it cannot be saved.  Contrast, settings and mode
        are those that were saved; a new one sees what is displayed.

    Raises
    ------
    ImageError, SessionError, OutputError
        As for `Session`.
    """
    return Session(
        binding.data,
        predictor,
        rgb=binding.rgb,
        store=keeping.store,
        contrast=None if keeping.saved else chosen(DISPLAYED, *binding.layers),
        runner=runner,
        labels=layers.target,
        journal=keeping.journal,
        source=binding.source,
        saved=keeping.saved,
        must_save=False,
    )


def _shows(layer: Layer, saved: StoredLabels) -> bool:
    """Whether a layer shows the labels of a folder."""
    data = layer.data
    return isinstance(data, StoredLabels) and data.path.resolve() == saved.path.resolve()


def _may_become(layer: Labels, saved: np.ndarray) -> bool:
    """Whether saved labels can be written into a layer without loss of one it has."""
    if layer.multiscale or layer.data.shape != saved.shape:
        return False
    if isinstance(layer.data, StoredLabels):  # it would be read and written whole
        return False
    here = np.asarray(layer.data)
    return bool(np.can_cast(saved.dtype, here.dtype)) and not np.any((here != 0) & (here != saved))
