"""What is to be decoded next, worked out from the state alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_samara.engine.crops import WHOLE, CropChoice, choose_crop
from napari_samara.planes import Plane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.prompts import PromptSet
    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.settings import PredictSettings

UNNAMED = "unnamed"
"""What the name of weights without a digest begins with."""


@dataclass(frozen=True)
class Request:
    """All that the masks of one object in one plane depend on.

    Attributes
    ----------
    plane : Plane
        As it is shown: rows may run along the later axis.
    prompts : PromptSet
        Those of the open object in this plane.
    contrast : Contrast
        Of the embedding.
    settings : PredictSettings
        Threshold and clean-up.
    model : str
        Digest of the weights, or a name that nothing else has.
    crop : CropChoice
        Which part of the plane is looked at, in pixels of the plane as shown.
    """

    plane: Plane
    prompts: PromptSet
    contrast: Contrast
    settings: PredictSettings
    model: str
    crop: CropChoice = WHOLE

    def like(self, other: Request) -> bool:
        """Return whether only threshold and clean-up differ: the decoder would say the same."""
        return replace(self, settings=other.settings) == other


@dataclass(frozen=True)
class Looking:
    """How it is chosen what part of a plane is looked at.

    Attributes
    ----------
    rule : str
        One of `crops.CROPS`.
    family : str
        Of the checkpoint; "" where it is not known.
    input_size : int
        Side of the model input; 0 where it is not known.
    usual : int or None
        Side of the window of objects of the usual size.
    views : mapping of Plane to tuple of int
        What was on the screen when prompts were given, by upright plane, in its pixels.
    crops : mapping of Plane to tuple of int or None
        What a reopened object was found in, likewise, as long as its prompts are the same.
    """

    rule: str = "whole"
    family: str = ""
    input_size: int = 0
    usual: int | None = None
    views: Mapping[Plane, PixelBox] = field(default_factory=dict)
    crops: Mapping[Plane, PixelBox | None] = field(default_factory=dict)

    def choice(self, plane: Plane, shape: tuple[int, ...]) -> CropChoice:
        """Return which part of a plane is looked at.

        Parameters
        ----------
        plane : Plane
            As shown.
        shape : tuple of int
            Of the image, an axis of channels left out.
        """
        here = upright(plane)
        if here in self.crops:
            box = self.crops[here]
            found = WHOLE if box is None else CropChoice("fixed", box)
        else:
            size, seen = here.size(shape), self.views.get(here)
            found = choose_crop(self.rule, self.family, self.input_size, size, self.usual, seen)
        return found.turned() if plane.transposed else found


@dataclass(frozen=True)
class State:
    """What `resolve` looks at.

    Attributes
    ----------
    plane : Plane
        The current one.
    shape : tuple of int
        Of the image, an axis of channels left out.
    prompts : PromptSet
        Of the open object, in any number of planes.
    contrast : Contrast
        Wanted for planes that are not encoded yet.
    encoded : mapping of Plane to Contrast
        What each plane was encoded with; a plane stays with it until it is encoded anew.
    settings : PredictSettings
        Threshold and clean-up.
    model : str
        Digest of the weights.
    answered : mapping of Plane to Request
        Requests that were answered, by upright plane.
    looking : Looking
        What part of a plane is looked at.
    """

    plane: Plane
    shape: tuple[int, ...]
    prompts: PromptSet
    contrast: Contrast
    encoded: Mapping[Plane, Contrast]
    settings: PredictSettings
    model: str
    answered: Mapping[Plane, Request]
    looking: Looking = field(default_factory=Looking)


def model_name(predictor: PredictorLike) -> str:
    """Return what tells the weights of a predictor from all others.

    Parameters
    ----------
    predictor : PredictorLike
        The model.

    Returns
    -------
    str
        Their digest, or `UNNAMED` and a number that no other predictor has at the same time.
    """
    checkpoint = predictor.checkpoint
    return checkpoint.sha256 if checkpoint is not None else f"{UNNAMED} {id(predictor)}"


def upright(plane: Plane) -> Plane:
    """Return the same slice with rows along the earlier axis, as prompts count."""
    row, col = sorted(plane.displayed)
    return Plane((row, col), plane.fixed)


def resolve(state: State) -> Request | None:
    """Next request, the current plane first.

    Parameters
    ----------
    state : State
        Not changed.

    Returns
    -------
    Request or None
        None where every plane that can be decoded has an answer that still holds.

    Raises
    ------
    PromptError
        If a prompt does not lie in the image.
    """
    here = upright(state.plane)
    groups = state.prompts.by_plane(state.shape)
    for slice_ in sorted(groups, key=lambda plane: plane != here):
        if not decodable(groups[slice_]):
            continue
        old = state.answered.get(slice_)
        shown = state.plane if slice_ == here else (old.plane if old else slice_)
        request = Request(
            shown,
            groups[slice_],
            state.encoded.get(shown, state.contrast),
            state.settings,
            state.model,
            state.looking.choice(shown, state.shape),
        )
        if request != old:
            return request
    return None


def decodable(prompts: PromptSet) -> bool:
    """Whether the prompts of one plane say where the object is, and not only where it is not."""
    return any(getattr(prompt, "positive", True) for prompt in prompts)
