"""Which images a run draws from, and the views of one step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import ImageError, SettingsError
from napari_samara.training.crops import Crop, random_crop, typical_diameter
from napari_samara.training.phantoms import phantom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.training.data import LabelledImage


STRIPS = 0.25
"""Share of generated images of which a strip is shown, as slices across a thin volume are."""


@dataclass(frozen=True)
class Source:
    """Images of one kind and how often they are drawn.

    Attributes
    ----------
    images : sequence of LabelledImage
        One at least; each is as likely as the others.
    weight : float
        Chance of this kind, relative to the weights of the other sources.

    Raises
    ------
    ImageError
        There is no image.
    SettingsError
        The weight is not a positive number.
    """

    images: Sequence[LabelledImage]
    weight: float

    def __post_init__(self) -> None:
        """Refuse a source that nothing can be drawn from."""
        if not self.images:
            raise ImageError("a source has no images to train on; check folder, part and data set")
        if not 0 < self.weight < math.inf:
            raise SettingsError(f"the weight of a source is a positive number, got {self.weight}")


class Views:
    """Random views of the images of some sources and of generated ones.

    Parameters
    ----------
    sources : sequence of Source
        What to draw from; may be empty where all views are generated.
    phantoms : float
        Share of generated views.

    Raises
    ------
    ImageError
        There are no sources and not all views are generated.
    """

    def __init__(self, sources: Sequence[Source], phantoms: float) -> None:
        if not sources and phantoms < 1:
            raise ImageError("nothing to train on: give a source, or phantoms=1 for generated data")
        self.sources, self.phantoms = sources, phantoms
        weights = np.array([s.weight for s in sources], float)
        self._chances = weights / weights.sum()
        self._diameters = [[typical_diameter(i) for i in s.images] for s in sources]

    def draw(self, rng: np.random.Generator, side: int) -> Crop:
        """Return one view.

        Parameters
        ----------
        rng : numpy.random.Generator
            Decides everything.
        side : int
            Side of the view.

        Returns
        -------
        Crop
            Pixels and labels.
        """
        if rng.random() < self.phantoms:
            image = phantom(rng, side=int(side * rng.uniform(0.8, 1.5)))
            if rng.random() < STRIPS:
                image = _strip(image, rng)
            return random_crop(image, typical_diameter(image), side, rng)
        kind = int(rng.choice(len(self.sources), p=self._chances))
        number = int(rng.integers(len(self.sources[kind].images)))
        image = self.sources[kind].images[number]
        return random_crop(image, self._diameters[kind][number], side, rng)


def _strip(image: LabelledImage, rng: np.random.Generator) -> LabelledImage:
    """Cut a strip out of an image, along its rows or its columns."""
    side = image.labels.shape[0]
    width = int(side * rng.uniform(0.15, 0.7))
    start = int(rng.integers(side - width + 1))
    part = (slice(start, start + width), slice(None))[:: 1 if rng.random() < 0.5 else -1]
    return replace(image, image=image.image[part].copy(), labels=image.labels[part].copy())
