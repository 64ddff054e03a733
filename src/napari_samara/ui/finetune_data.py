"""What a checkpoint is fine-tuned on: layers of a viewer, or what was accepted in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.planes import Plane
from napari_samara.ui.contrast import DISPLAYED, chosen
from napari_samara.ui.levels import array_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from napari_samara.ui.annotator import Annotator


@dataclass(frozen=True, eq=False)
class Source:
    """Pixels and labels of one image, as they are learned from.

    Attributes
    ----------
    name : str
        For the user.
    image, labels : array
        Perhaps lazy; read in a worker.
    rgb : bool
        Whether the last axis of the image holds channels.
    contrast : Contrast
        What annotating the image shows to the model, so that it learns from the same.
    planes : tuple of Plane or None
        Which planes have objects; None to look at all.
    only : tuple of int or None
        Labels of the objects; None for all.
    """

    name: str
    image: Any
    labels: Any
    rgb: bool
    contrast: Contrast
    planes: tuple[Plane, ...] | None = None
    only: tuple[int, ...] | None = None

    @classmethod
    def of_layers(cls, image: Image, labels: Labels) -> Source:
        """Source of an image layer and the labels of its objects, pixel by pixel.

        Parameters
        ----------
        image : napari.layers.Image
            Of a pyramid that level is taken which has the shape of the labels.
        labels : napari.layers.Labels
            0 is background.

        Returns
        -------
        Source
            Not read yet.

        Raises
        ------
        ImageError
            If no level has the shape of the labels.
        """
        ids = labels.data[0] if labels.multiscale else labels.data
        levels = range(len(image.data) if image.multiscale else 1)
        fits = [at for at in levels if shape_of(image, at) == tuple(ids.shape)]
        if not fits:
            raise ImageError(
                f"{image.name!r} has the shape {_sides(shape_of(image, 0))} and {labels.name!r} "
                f"{_sides(ids.shape)}: choose labels that were made on this image"
            )
        data = array_of(image, fits[0])
        return cls(image.name, data, ids, image.rgb, chosen(DISPLAYED, image))

    @classmethod
    def of_session(cls, annotator: Annotator) -> Source:
        """Source of the objects that were accepted or painted in an annotation.

        Parameters
        ----------
        annotator : Annotator
            Open.

        Returns
        -------
        Source
            Not read yet; labels that were there before are left out.
        """
        session, binding = annotator.session, annotator.binding
        records = session.objects.values()
        planes = dict.fromkeys(_upright(part.plane) for one in records for part in one.parts)
        return cls(
            binding.layer.name,
            binding.data,
            annotator.labels.data,
            binding.rgb,
            session.contrast,
            tuple(planes),
            tuple(session.objects),
        )

    def examples(self) -> list[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
        """Read the planes with the most objects; in a worker.

        Returns
        -------
        list of (ndarray of uint8 (rows, cols, 3), ndarray of int32 (rows, cols))
            As many as `samara.finetune` takes of a volume, in which each connected piece of a
            label is an object.
        """
        from napari_samara.training.data import split_pieces
        from napari_samara.training.examples import SLICES

        found: list[tuple[int, Plane, NDArray[np.int32]]] = []
        for plane in self.planes if self.planes is not None else _all_planes(self.labels.shape):
            ids, count = self._ids(plane)
            if count:
                found.append((count, plane, ids))
                found.sort(key=lambda item: -item[0])
                del found[SLICES:]
        several = len(self.labels.shape) > 2
        return [
            (
                to_rgb(plane.extract(self.image, rgb=self.rgb), self.contrast),
                split_pieces(ids) if several else ids,
            )
            for _, plane, ids in found
        ]

    def _ids(self, plane: Plane) -> tuple[NDArray[np.int32], int]:
        """Objects of a plane, numbered from 1, and how many are large enough."""
        from napari_samara.training.examples import SMALLEST

        values = np.array(plane.extract(self.labels))
        if self.only is not None:
            values[~np.isin(values, self.only)] = 0
        if not values.any():
            return np.zeros(values.shape, np.int32), 0
        labels, dense, sizes = np.unique(values, return_inverse=True, return_counts=True)
        numbers = np.cumsum(labels > 0).astype(np.int32)
        numbers[labels <= 0] = 0
        large = int(np.count_nonzero(sizes[labels > 0] >= SMALLEST))
        return numbers[dense.reshape(values.shape)], large


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What is learned from, read.

    Attributes
    ----------
    images : list of ndarray of uint8, shape (rows, cols, 3)
        Planes.
    labels : list of ndarray of int32, shape (rows, cols)
        As many.
    objects : int
        Those that are large enough.
    """

    images: list[NDArray[np.uint8]]
    labels: list[NDArray[np.int32]]
    objects: int

    @classmethod
    def read(cls, sources: Sequence[Source]) -> TrainingData:
        """Read sources; in a worker.

        Parameters
        ----------
        sources : sequence of Source
            One at least.

        Returns
        -------
        TrainingData
        --------
            Enough to learn from.

        Raises
        ------
        TrainingError
            If there are fewer than two objects.
        ImageError
            If an image cannot be shown to the model.
        """
        from napari_samara.training.examples import examples

        pairs = [pair for source in sources for pair in source.examples()]
        images, labels = [image for image, _ in pairs], [ids for _, ids in pairs]
        planes = examples(images, labels)  # refuses what cannot be learned from
        sizes = (np.bincount(plane.labels.ravel())[1:] for plane in planes)
        return cls(images, labels, int(sum(np.count_nonzero(each) for each in sizes)))

    @property
    def about(self) -> str:
        """How much there is, for the user."""
        count = len(self.images)
        return f"{self.objects} objects in {count} plane{'s' * (count != 1)}"


def _upright(plane: Plane) -> Plane:
    row, col = sorted(plane.displayed)
    return Plane((row, col), plane.fixed)


def _all_planes(shape: tuple[int, ...]) -> Iterator[Plane]:
    """All planes along the last two axes."""
    ndim = len(shape)
    for at in np.ndindex(*shape[:-2]):
        yield Plane.of(ndim, fixed=dict(enumerate(at)))


def _sides(shape: Sequence[int]) -> str:
    return " × ".join(str(side) for side in shape)
