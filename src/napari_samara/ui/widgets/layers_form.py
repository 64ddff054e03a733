"""Layers of the user to annotate with: labels to go on with, points and shapes as prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels, Points, Shapes
from qtpy.QtWidgets import QWidget

from napari_samara.ui.layer_set import GivenLayers
from napari_samara.ui.widgets.forms import form_of, narrow_combo, offer_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Layer
    from qtpy.QtWidgets import QComboBox

_NEW = "New layer"
_KINDS = {"labels": Labels, "points": Points, "shapes": Shapes}
_TIPS = {
    "labels": "Where accepted objects go. Labels of your own that fit the image are gone on with: "
    "what is in them stays, and can be painted and undone like the new ones.",
    "points": "Where clicks are drawn. Points of your own are the prompts of the first object.",
    "shapes": "Where boxes, polygons and scribbles are drawn. Shapes of your own are the prompts "
    "of the first object.",
}


class LayersForm(QWidget):
    """Chooses layers of the user, where the viewer has some that fit the image.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = viewer
        self.combos: dict[str, QComboBox] = {}
        self._form = form_of(self)
        for kind, tip in _TIPS.items():
            combo = self.combos[kind] = narrow_combo()
            combo.setToolTip(tip)
            self._form.addRow(kind.capitalize(), combo)
        self.offer(())

    @property
    def given(self) -> GivenLayers:
        """The layers that are chosen; what is left out is made."""
        return GivenLayers(**{kind: combo.currentData() for kind, combo in self.combos.items()})

    def offer(self, images: Sequence[Image]) -> None:
        """Offer the layers that the viewer has now, by the names they have now.

        Parameters
        ----------
        images : sequence of napari.layers.Image
            That are to be annotated; what does not fit the first of them is left out.
        """
        for kind, combo in self.combos.items():
            layers = [
                layer
                for layer in self.viewer.layers
                if type(layer) is _KINDS[kind] and images and _fits(layer, images[0])
            ]
            offer_layers(combo, [None, *layers], None, _NEW)
            self._form.setRowVisible(combo, bool(layers))
        self.setVisible(any(combo.count() > 1 for combo in self.combos.values()))


def _fits(layer: Layer, image: Image) -> bool:
    """Whether a layer can be used for an image, at one of its levels at least."""
    sizes = image.data if image.multiscale else [image.data]
    shapes = [tuple(level.shape[:-1] if image.rgb else level.shape) for level in sizes]
    if not isinstance(layer, Labels):
        return bool(layer.ndim == len(shapes[0]))
    if layer.multiscale or not layer.editable or layer.metadata.get("samara"):
        return False  # previews among them
    return bool(tuple(layer.data.shape) in shapes)
