"""What a SAM is asked in tensors, checked before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_samara.errors import PromptError
from napari_samara.model.prompt_encoder import IGNORED, NEGATIVE, NOT_A_POINT, POSITIVE

if TYPE_CHECKING:
    from torch import Tensor

POINT_LABELS = (POSITIVE, NEGATIVE, NOT_A_POINT, IGNORED)


class PromptTensors(NamedTuple):
    """Prompts of B images with N objects each, in the frame of the model input.

    Attributes
    ----------
    points : Tensor or None
        (B, N, K, 2) (x, y).
    labels : Tensor or None
        (B, N, K): 1, 0, -1 or -10.
    boxes : Tensor or None
        (B, N, 4) (x0, y0, x1, y1).
    masks : Tensor or None
        (B, 1, S, S) logits, one for all objects of an image.
    """

    points: Tensor | None = None
    labels: Tensor | None = None
    boxes: Tensor | None = None
    masks: Tensor | None = None

    def of_image(self, i: int) -> PromptTensors:
        """Return the prompts of image `i` without the image axis.

        Parameters
        ----------
        i : int
            Number of the image; prompts given once serve every image.

        Returns
        -------
        PromptTensors
            (N, K, 2), (N, K), (N, 4) and (N, 1, S, S).
        """
        given = (self.points, self.boxes)
        count = next((t.shape[1] for t in given if t is not None), 1)
        points, labels, boxes = (
            None if t is None else t[i if len(t) > 1 else 0]
            for t in (self.points, self.labels, self.boxes)
        )
        mask = self.masks
        if mask is not None:
            mask = mask[i if len(mask) > 1 else 0].expand(count, -1, -1, -1)
        return PromptTensors(points, labels, boxes, mask)

    def completed(self) -> PromptTensors:
        """Return the same with all points positive where they have no labels."""
        if self.points is None or self.labels is not None:
            return self
        return self._replace(labels=torch.ones_like(self.points[..., 0], dtype=torch.int64))

    def check(self, batch: int, mask_size: int) -> None:
        """Raise a PromptError that names what does not fit.

        Parameters
        ----------
        batch : int
            Number of images.
        mask_size : int
            Side of a mask prompt of this model.

        Raises
        ------
        PromptError
            A shape does not fit the images or another prompt, or a label means nothing.
        """
        side = str(mask_size)
        self._check_shape("points", batch, ("objects", "points", "2"))
        self._check_shape("labels", batch, ("objects", "points"))
        self._check_shape("boxes", batch, ("objects", "4"))
        self._check_shape("masks", batch, ("1", side, side))
        if self.labels is not None:
            _check_labels(self.labels, self.points)
        if self.points is not None and self.boxes is not None:
            groups, boxes = self.points.shape[1], self.boxes.shape[1]
            if groups != boxes:
                raise PromptError(
                    f"input_points hold {groups} objects, input_boxes {boxes}: give as many "
                    "point groups as boxes"
                )

    def _check_shape(self, name: str, batch: int, axes: tuple[str, ...]) -> None:
        value: Tensor | None = getattr(self, name)
        if value is None:
            return
        shape = tuple(value.shape)
        fits = len(shape) == len(axes) + 1 and shape[0] in (1, batch) and 0 not in shape
        if not fits or any(
            a.isdigit() and int(a) != n for a, n in zip(axes, shape[1:], strict=True)
        ):
            raise PromptError(
                f"input_{name} has shape {shape}; expected (images, {', '.join(axes)}) for "
                f"{batch} image(s)"
            )


def _check_labels(labels: Tensor, points: Tensor | None) -> None:
    given = None if points is None else tuple(points.shape)
    if given is None or tuple(labels.shape) != given[:3]:
        raise PromptError(f"input_labels {tuple(labels.shape)} do not fit input_points {given}")
    known = torch.tensor(POINT_LABELS, device=labels.device, dtype=labels.dtype)
    unknown = labels[~torch.isin(labels, known)]
    if len(unknown):
        raise PromptError(
            f"point label {unknown[0].item()} means nothing; 1 is on the object, 0 off it, -1 and "
            "-10 are padding"
        )
