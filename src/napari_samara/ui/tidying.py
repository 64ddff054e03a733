"""Labels of a viewer measured and put in order, whether an annotation is open on them or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.planes import Plane
from napari_samara.session.label_order import Ordered
from napari_samara.ui import open_annotators
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.levels import shape_of
from napari_samara.ui.navigation import show_part, shown_plane
from napari_samara.ui.volume import spacing_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from napari_samara.cleanup_settings import CleanupSettings
    from napari_samara.ui.annotator import Annotator

Columns: TypeAlias = "dict[str, NDArray[Any]]"

_MOST_AXES = 3


def fits(image: Image, labels: Labels) -> bool:
    """Whether an image has a pixel for each label.

    Parameters
    ----------
    image : napari.layers.Image
        Of a multiscale one the finest level counts.
    labels : napari.layers.Labels
        Of one level; others fit nothing.
    """
    return not labels.multiscale and shape_of(image, 0) == tuple(labels.data.shape)


@dataclass(frozen=True, eq=False)
class Cleaned:
    """Labels that were put in order.

    Attributes
    ----------
    after : ndarray of int
        As they are then.
    found : Ordered
        What that changes.
    renumbered : bool
        Whether objects have other numbers now.
    since : object
        The last step of the annotation when the labels were read; None without one.
    """

    after: NDArray[Any]
    found: Ordered
    renumbered: bool
    since: object


@dataclass(frozen=True, eq=False)
class Subject:
    """Labels that are looked at, all of them or the slice that is shown.

    Attributes
    ----------
    viewer : napari.components.ViewerModel
        That shows them.
    labels : napari.layers.Labels
        Of one level.
    plane : Plane or None
        The slice that is looked at; None for the whole volume.
    annotator : Annotator or None
        The annotation whose labels they are.
    """

    viewer: ViewerModel
    labels: Labels
    plane: Plane | None
    annotator: Annotator | None

    @classmethod
    def of(cls, viewer: ViewerModel, labels: Labels, everywhere: bool) -> Subject:
        """Look at labels.

        Parameters
        ----------
        viewer : napari.components.ViewerModel
            That shows them.
        labels : napari.layers.Labels
            Any.
        everywhere : bool
            Whether all slices are looked at; without meaning where there is only one.

        Returns
        -------
        Subject
            As the sliders are now.

        Raises
        ------
        ImageError
            If they have several levels, more than three axes to look at, or the sliders stand
            outside them.
        """
        if labels.multiscale:
            raise ImageError(f"the labels {labels.name!r} have several levels; choose others")
        if everywhere and labels.ndim > _MOST_AXES:
            raise ImageError(
                f"{labels.name!r} has {labels.ndim} axes: look at one slice of it, or at a volume "
                "of three axes"
            )
        plane = None
        if labels.ndim > 2 and not everywhere:
            plane = shown_plane(viewer.dims, ImageBinding.of(labels))
        annotator = open_annotators.annotator_of(viewer)
        own = annotator if annotator is not None and annotator.labels is labels else None
        return cls(viewer, labels, plane, own)

    def reader(self, data: Any = None, rgb: bool = False) -> Callable[[], NDArray[Any]]:
        """Return what reads the part that is looked at, ready to run in another thread.

        Parameters
        ----------
        data : array, optional
            Of an image in the shape of the labels; the labels themselves if left out.
        rgb : bool
            Whether its last axis holds channels.
        """
        own = data is None
        data = self.labels.data if own else data
        part = partial(np.asarray, data)
        if self.plane is not None:
            part = partial(self.plane.extract, data, rgb=rgb)
        if own and isinstance(data, np.ndarray):  # as it is now: strokes change it in place
            copy = np.array(part())
            return lambda: copy
        return lambda: np.array(part())

    def measuring(self, image: Image | None) -> Callable[[], Columns]:
        """Return what measures the objects, ready to run in another thread.

        Parameters
        ----------
        image : napari.layers.Image, optional
            Whose intensities are measured as well.

        Returns
        -------
        callable
            Gives columns as `measures.measure` does, with ``class`` and ``score`` of what was
            accepted in an annotation; raises ImageError.

        Raises
        ------
        ImageError
            If image and labels differ in shape.
        """
        pixels = None
        if image is not None:
            binding = ImageBinding.of(image, 0)
            if not fits(image, self.labels):
                raise ImageError(
                    f"{image.name!r} has the shape {binding.shape}, the labels "
                    f"{tuple(self.labels.data.shape)}; choose the image that they belong to"
                )
            pixels = self.reader(binding.data, binding.rgb)
        steps = spacing_of(ImageBinding.of(self.labels))
        if self.plane is not None:
            steps = tuple(steps[axis] for axis in self.plane.displayed)
        known = dict(self.annotator.session.objects) if self.annotator is not None else {}
        numbers = self.reader()

        def measure_all() -> Columns:
            from napari_samara.measures import measure

            found = measure(numbers(), None if pixels is None else pixels(), steps)
            if known:
                records = [known.get(int(label)) for label in found["label"]]
                found["class"] = np.array([(r and r.klass) or "" for r in records], object)
                scores = [None if r is None else r.score for r in records]
                found["score"] = np.array([np.nan if s is None else s for s in scores], float)
            return found

        return measure_all

    def cleaning(self, settings: CleanupSettings) -> Callable[[], Cleaned]:
        """Return what puts the labels in order, ready to run in another thread.

        Parameters
        ----------
        settings : CleanupSettings
            What is done.

        Returns
        -------
        callable
            Gives the labels and what changes; raises ImageError.
        """
        numbers, plane = self.reader(), self.plane
        everywhere = plane is None
        session = None if self.annotator is None else self.annotator.session
        if plane is None and session is not None:
            plane = session.plane
        at = plane or Plane.of(self.labels.ndim)
        since = None if session is None else session.last_step

        def clean() -> Cleaned:
            from napari_samara.cleanup import clean_up

            before = numbers()
            after = clean_up(before, settings)
            found = Ordered.of(before, after, at, everywhere)  # slow in a volume
            return Cleaned(after, found, settings.relabel, since)

        return clean

    def take_over(self, found: Cleaned) -> str:
        """Have the viewer show labels that were put in order.

        Those of an annotation change in one step, which undo takes back; of others a copy is added
        to the viewer.

        Parameters
        ----------
        found : Cleaned
            What `cleaning` gave.

        Returns
        -------
        str
            A line for the user.

        Raises
        ------
        SessionError, OutputError
            As for `TidySession.put_in_order`.
        """
        after, order = found.after, found.found
        if not order.changed:
            return "Nothing to do: the labels stay as they are."
        line = "Labels put in order" + (f", {len(order.gone)} gone" if order.gone else "")
        line += f", {len(order.new)} new." if order.new else "."
        if self.annotator is not None:
            self.annotator.session.put_in_order(order, found.since, found.renumbered)
            return f"{line} Undo takes it back."
        made = np.array(self.labels.data)
        if self.plane is None:
            made[:] = after
        else:
            self.plane.insert(made, after)
        name = f"{self.labels.name}, put in order"
        layer = self.viewer.add_labels(made, name=name, **ImageBinding.of(self.labels).placement())
        return f"{line} The result is the new layer {layer.name!r}."

    def show(self, columns: Columns, row: int) -> None:
        """Bring a measured object into view and select its label.

        Parameters
        ----------
        columns : dict of str to ndarray
            As `measuring` gives them.
        row : int
            Of the table.
        """
        self.labels.selected_label = int(columns["label"][row])
        flat = self.plane is not None or self.labels.ndim == 2
        count = 2 if flat else self.labels.ndim
        box = [int(columns[f"bbox-{at}"][row]) for at in range(2 * count)]
        binding = ImageBinding.of(self.labels)
        plane = self.plane or shown_plane(self.viewer.dims, binding)
        if not flat:
            fixed = {axis: (box[axis] + box[axis + count] - 1) // 2 for axis, _ in plane.fixed}
            plane = Plane.of(count, plane.displayed, fixed)
            rows, cols = plane.displayed
            box = [box[rows], box[cols], box[rows + count], box[cols + count]]
        show_part(self.viewer, binding, plane, (box[0], box[1], box[2], box[3]), keep=True)
