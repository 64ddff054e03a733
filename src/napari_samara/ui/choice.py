"""What the user chose to annotate, and with which model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.layer_set import GivenLayers

if TYPE_CHECKING:
    from napari.layers import Image, Layer


@dataclass(frozen=True)
class Choice:
    """One annotation as it is asked for.

    Attributes
    ----------
    images : tuple of napari.layers.Image
        One layer, or up to three that become red, green and blue.
    level : int or None
        Of a multiscale image; None for the finest that is comfortable.
    checkpoint : str
        As for `napari_samara.load`.
    given : GivenLayers
        Layers of the user to work on.
    """

    images: tuple[Image, ...]
    level: int | None
    checkpoint: str
    given: GivenLayers = field(default_factory=GivenLayers)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All that must still be in the viewer when the annotation begins."""
        given = (self.given.labels, self.given.points, self.given.shapes)
        return (*self.images, *(layer for layer in given if layer is not None))

    def binding(self) -> ImageBinding:
        """Look at the images, before a model is loaded for them.

        Returns
        -------
        ImageBinding
            Of the images at the level.

        Raises
        ------
        ImageError
            If the images do not fit each other.
        """
        return ImageBinding.of(self.images, self.level)
