"""What to annotate: the image layer, layers for green and blue, and the level of a pyramid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_samara.ui.levels import comfortable_level, level_by_zoom
from napari_samara.ui.screen_size import camera_of
from napari_samara.ui.widgets.forms import form_of, narrow_combo, offer_layers

if TYPE_CHECKING:
    from napari.components import ViewerModel

_BY_ZOOM = "By zoom"
_LEVEL_TIP = (
    "Level of the pyramid that is encoded and that labels are made at. By zoom: the coarsest that "
    "shows as much as the screen does, fixed when annotating starts; zooming later does not change "
    "it. Stop, zoom and start again for another level."
)
_CHANNEL_TIP = (
    "Another layer as the {colour} channel of what the model sees; the image itself is then the "
    "red one. Shape and place must be the same."
)


class ImageForm(QWidget):
    """Chooses image layers and a level.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose images are offered.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = viewer
        self.image, self.green, self.blue = narrow_combo(), narrow_combo(), narrow_combo()
        self.level = narrow_combo()
        self._form = form_of(self)
        for title, combo in (
            ("Image", self.image),
            ("Green", self.green),
            ("Blue", self.blue),
            ("Level", self.level),
        ):
            self._form.addRow(title, combo)
        self.level.setToolTip(_LEVEL_TIP)
        self.green.setToolTip(_CHANNEL_TIP.format(colour="green"))
        self.blue.setToolTip(_CHANNEL_TIP.format(colour="blue"))
        self.image.currentIndexChanged.connect(self._on_image)
        self.green.currentIndexChanged.connect(self._on_green)
        self.refresh()

    @property
    def images(self) -> tuple[Image, ...]:
        """The layers that are chosen, none to three; the image itself first."""
        chosen = (combo.currentData() for combo in (self.image, self.green, self.blue))
        return tuple(layer for layer in chosen if layer is not None)

    @property
    def chosen_level(self) -> int | None:
        """Level to annotate; None for an image of one level."""
        layer: Image | None = self.image.currentData()
        if layer is None or not layer.multiscale:
            return None
        level: int = self.level.currentData()
        if level >= 0:
            return level
        return level_by_zoom(layer, self.viewer.dims, camera_of(self.viewer).zoom)

    def refresh(self, *_: Any) -> None:
        """Offer the images that the viewer has now, by the names they have now."""
        images = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        images = [layer for layer in images if not layer.metadata.get("samara")]
        active = self.viewer.layers.selection.active
        last = images[-1] if images else None
        offer_layers(self.image, images, active if active in images else last)
        self._on_image()

    def _on_image(self) -> None:
        """Offer what goes with the image: layers for its other channels, and its levels."""
        layer: Image | None = self.image.currentData()
        self.image.setToolTip(layer.name if layer is not None else "")
        self._offer_channels(layer)
        self._offer_levels(layer)
        self.changed.emit()

    def _on_green(self) -> None:
        """Blue comes after green."""
        self._offer_blue()
        self.changed.emit()

    def _offer_channels(self, layer: Image | None) -> None:
        others = [other for other in self._grey_images() if other is not layer]
        if layer is None or layer.rgb:
            others = []
        offer_layers(self.green, [None, *others], None)
        self._form.setRowVisible(self.green, bool(others))
        self._offer_blue()

    def _offer_blue(self) -> None:
        taken = self.images[:1] + ((self.green.currentData(),) if self.green.currentData() else ())
        others = [other for other in self._grey_images() if other not in taken]
        if len(taken) < 2:
            others = []
        offer_layers(self.blue, [None, *others], None)
        self._form.setRowVisible(self.blue, bool(others))

    def _grey_images(self) -> list[Image]:
        """Images of one channel that are offered."""
        found = [self.image.itemData(place) for place in range(self.image.count())]
        return [layer for layer in found if not layer.rgb]

    def _offer_levels(self, layer: Image | None) -> None:
        several = layer is not None and layer.multiscale
        before, known = self.level.currentData(), self.level.property("layer")
        self.level.clear()
        if layer is not None and several:
            self.level.addItem(_BY_ZOOM, -1)
            for level, shape in enumerate(layer.level_shapes):
                self.level.addItem(f"{level}: {' × '.join(str(side) for side in shape)}", level)
            again = before is not None and known == id(layer) and before < len(layer.data)
            wanted = before if again else comfortable_level(layer)
            self.level.setCurrentIndex(self.level.findData(wanted))
        self.level.setProperty("layer", id(layer))
        self._form.setRowVisible(self.level, several)
