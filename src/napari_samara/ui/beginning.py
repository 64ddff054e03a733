"""How the annotation of a viewer begins: anew, or where one that was saved has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Points, Shapes

from napari_samara.formats.stored_labels import StoredLabels
from napari_samara.session import Session
from napari_samara.session.restored import Restored
from napari_samara.ui.contrast import DISPLAYED, chosen
from napari_samara.ui.layer_set import POINTS, SHAPES, labels_name

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
    """Layers to work on: those of the user, and those that an annotation before has left.

    Parameters
    ----------
    keeping : Keeping
        As `with_restored` returns it.
    given : GivenLayers
        Of the user.
    binding : ImageBinding
        The image.
    shown : iterable of napari.layers.Layer
        Of the viewer.

    Returns
    -------
    GivenLayers
        Points and shapes that were left empty are taken again.  Where labels were saved, with
        those of the user if they can hold them and lose nothing by it, with a layer that shows
        them already, or with a new one.
    """
    shown = list(shown)
    given = replace(
        given,
        points=_left(shown, Points, POINTS, binding) if given.points is None else given.points,
        shapes=_left(shown, Shapes, SHAPES, binding) if given.shapes is None else given.shapes,
    )
    if not isinstance(keeping.saved, Restored):
        return given
    saved: Any = keeping.saved.labels
    name, found = labels_name(binding), None
    if isinstance(saved, StoredLabels):
        name = saved.path.name.split(".")[0]
        found = next((layer for layer in shown if _shows(layer, saved)), None)
        if found is not None:
            found.data = saved  # the array that is held
    elif given.labels is not None and _may_become(given.labels, saved):
        found = given.labels
    elif given.labels is None:
        found = next((layer for layer in shown if layer.name == name and _is(layer, saved)), None)
    made = found if found is not None else Labels(saved, name=name, **binding.placement())
    return replace(given, labels=made)


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


def _left(shown: Iterable[Layer], kind: type[Layer], name: str, binding: ImageBinding) -> Any:
    """Layer for prompts that an annotation has left and nothing is drawn in; None without one."""
    mine = (layer for layer in shown if layer.name == name and isinstance(layer, kind))
    return next((one for one in mine if one.ndim == binding.ndim and not len(one.data)), None)


def _is(layer: Layer, saved: np.ndarray) -> bool:
    """Whether a layer has the very labels that were saved."""
    fits = isinstance(layer, Labels) and not layer.multiscale and layer.data.shape == saved.shape
    kept = fits and isinstance(layer.data, np.ndarray) and layer.data.dtype == saved.dtype
    return kept and np.array_equal(layer.data, saved)


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
