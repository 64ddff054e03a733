"""Objects as a session keeps them: the open one and the accepted ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from napari_samara.errors import FileFormatError, SamaraError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet
from napari_samara.prompts.base import Prompt
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_samara.masks import PixelBox


@dataclass(frozen=True)
class OpenObject:
    """The object that prompts are being given for.

    Attributes
    ----------
    prompts : PromptSet
        All with object id 1.
    label : int or None
        Label it had when it was reopened; None for a new object.
    chosen : tuple of (Plane, int)
        Candidate that the user chose on a plane, where it is not the first.
    views : tuple of (Plane, tuple of int)
        What was on the screen when prompts were given on a plane, half-open in its pixels.
    crops : tuple of (Plane, tuple of int or None)
        What the masks of a reopened object were found in; only where its prompts are the same.
    """

    prompts: PromptSet = field(default_factory=PromptSet)
    label: int | None = None
    chosen: tuple[tuple[Plane, int], ...] = ()
    views: tuple[tuple[Plane, PixelBox], ...] = ()
    crops: tuple[tuple[Plane, PixelBox | None], ...] = ()

    def choice(self, plane: Plane) -> int:
        """Return the number of the candidate chosen on a plane (rows the earlier axis)."""
        return dict(self.chosen).get(plane, 0)

    def choosing(self, plane: Plane, number: int) -> OpenObject:
        """Return the same object with another candidate chosen on a plane."""
        return replace(
            self, chosen=tuple(sorted({**dict(self.chosen), plane: number}.items(), key=repr))
        )

    def prompted(
        self, prompts: PromptSet, changed: Collection[Plane], seen: tuple[Plane, PixelBox] | None
    ) -> OpenObject:
        """Return the same object with other prompts.

        Parameters
        ----------
        prompts : PromptSet
            All it is to have.
        changed : collection of Plane
            Upright planes whose prompts are not what they were: what they were looked at in
            before no longer holds.
        seen : (Plane, tuple of int) or None
            What is on the screen, for that plane; it stands for the plane from now on if its
            prompts have changed.
        """
        views = dict(self.views)
        if seen is not None and seen[0] in changed:
            views[seen[0]] = seen[1]
        crops = tuple((plane, crop) for plane, crop in self.crops if plane not in changed)
        ordered = tuple(sorted(views.items(), key=repr))
        return replace(self, prompts=prompts, views=ordered, crops=crops)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form for JSON."""
        found: dict[str, Any] = {
            "prompts": [prompt.to_dict() for prompt in self.prompts],
            "label": self.label,
            "chosen": [[plane.to_dict(), number] for plane, number in self.chosen],
        }
        for name, boxes in (("views", self.views), ("crops", self.crops)):
            if boxes:
                found[name] = [[plane.to_dict(), box and list(box)] for plane, box in boxes]
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> OpenObject:
        """Open object of its plain form.

        Parameters
        ----------
        data : mapping
            As `to_dict` gives it.

        Returns
        -------
        OpenObject
            Equal to the one saved.

        Raises
        ------
        FileFormatError
            If an entry is missing or not allowed.
        """
        try:
            label = data["label"]
            return cls(
                PromptSet([Prompt.from_dict(prompt) for prompt in data["prompts"]]),
                None if label is None else int(label),
                tuple((Plane.from_dict(plane), int(number)) for plane, number in data["chosen"]),
                tuple((Plane.from_dict(plane), _box(box)) for plane, box in data.get("views", ())),
                tuple(
                    (Plane.from_dict(plane), None if box is None else _box(box))
                    for plane, box in data.get("crops", ())
                ),
            )
        except (KeyError, TypeError, ValueError, SamaraError) as error:
            raise FileFormatError(f"not an open object: {error!r}") from error


@dataclass(frozen=True)
class ObjectPart:
    """How the mask of an object in one plane came about.

    Attributes
    ----------
    plane : Plane
        Where.
    box : tuple of int
        Half-open (row0, col0, row1, col1) around its pixels.
    choice : int
        Which of the candidates was taken.
    scores : tuple of float
        IoU that the model predicted for each candidate; empty for what was painted by hand.
    contrast : Contrast or None
        Of the embedding.
    settings : PredictSettings or None
        Of the decoding.
    pixels : str
        Digest of the RGB plane that was encoded.
    checkpoint : str
        Digest of the weights; empty where it is not known.
    doubt : float or None
        Of a slice that was found by following the object from others, 0 to 1; None for others.
    reason : str
        Why, in words.
    crop : tuple of int or None
        Half-open part of the plane that was encoded; None for all of it.
    """

    plane: Plane
    box: PixelBox
    choice: int = 0
    scores: tuple[float, ...] = ()
    contrast: Contrast | None = None
    settings: PredictSettings | None = None
    pixels: str = ""
    checkpoint: str = ""
    doubt: float | None = None
    reason: str = ""
    crop: PixelBox | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form for JSON."""
        found: dict[str, Any] = {}
        if self.doubt is not None:
            found = {"doubt": self.doubt, "reason": self.reason}
        if self.crop is not None:
            found["crop"] = list(self.crop)
        return {
            "plane": self.plane.to_dict(),
            "box": list(self.box),
            "choice": self.choice,
            "scores": list(self.scores),
            "contrast": self.contrast.to_dict() if self.contrast else None,
            "settings": self.settings.to_dict() if self.settings else None,
            "pixels": self.pixels,
            "checkpoint": self.checkpoint,
            **found,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ObjectPart:
        """Return the part of its plain form; missing entries raise KeyError."""
        contrast, settings = data["contrast"], data["settings"]
        return cls(
            Plane.from_dict(data["plane"]),
            _box(data["box"]),
            int(data["choice"]),
            tuple(float(score) for score in data["scores"]),
            None if contrast is None else Contrast.from_dict(contrast),
            None if settings is None else PredictSettings.from_dict(settings),
            str(data["pixels"]),
            str(data.get("checkpoint", "")),  # files of before it was kept for each object
            None if data.get("doubt") is None else float(data["doubt"]),
            str(data.get("reason", "")),
            None if data.get("crop") is None else _box(data["crop"]),
        )


@dataclass(frozen=True)
class ObjectRecord:
    """One accepted object.

    Attributes
    ----------
    label : int
        Its number in the labels.
    prompts : PromptSet
        What it was made from, with object id 1; empty for what was painted by hand.
    parts : tuple of ObjectPart
        One for each plane.
    area : int
        Pixels that carry its label.
    klass : str or None
        Class the user gave it.
    accepted : str
        Time in UTC, ISO 8601.
    """

    label: int
    prompts: PromptSet
    parts: tuple[ObjectPart, ...]
    area: int
    klass: str | None = None
    accepted: str = ""

    @property
    def planes(self) -> tuple[Plane, ...]:
        """Planes it has pixels in, in the order they came."""
        return tuple(part.plane for part in self.parts)

    @property
    def plane(self) -> Plane | None:
        """The first of its planes."""
        return self.parts[0].plane if self.parts else None

    @property
    def box(self) -> PixelBox | None:
        """Half-open (row0, col0, row1, col1) in the first of its planes."""
        return self.parts[0].box if self.parts else None

    @property
    def choice(self) -> int:
        """Candidate taken in the first of its planes."""
        return self.parts[0].choice if self.parts else 0

    @property
    def scores(self) -> tuple[float, ...]:
        """Predicted IoU of the candidates in the first of its planes."""
        return self.parts[0].scores if self.parts else ()

    @property
    def score(self) -> float | None:
        """Predicted IoU of the masks taken, mean over planes; None for what was painted."""
        taken = [part.scores[part.choice] for part in self.parts if part.scores]
        return fmean(taken) if taken else None

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form for JSON."""
        return {
            "label": self.label,
            "prompts": [prompt.to_dict() for prompt in self.prompts],
            "parts": [part.to_dict() for part in self.parts],
            "area": self.area,
            "class": self.klass,
            "accepted": self.accepted,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ObjectRecord:
        """Record of its plain form.

        Parameters
        ----------
        data : mapping
            As `to_dict` gives it; entries that are not known are left alone.

        Returns
        -------
        ObjectRecord
            Equal to the one saved.

        Raises
        ------
        FileFormatError
            If an entry is missing or not allowed.
        """
        try:
            return cls(
                int(data["label"]),
                PromptSet([Prompt.from_dict(prompt) for prompt in data["prompts"]]),
                tuple(ObjectPart.from_dict(part) for part in data["parts"]),
                int(data["area"]),
                data["class"],
                str(data["accepted"]),
            )
        except (KeyError, TypeError, ValueError, IndexError, SamaraError) as error:
            raise FileFormatError(f"not the record of an object: {error}") from error


def _box(numbers: Any) -> PixelBox:
    """Box of its plain form."""
    row0, col0, row1, col1 = (int(number) for number in numbers)
    return row0, col0, row1, col1
