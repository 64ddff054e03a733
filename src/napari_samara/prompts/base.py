"""Prompts as values: what points, boxes and all other kinds share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from napari_samara.errors import FileFormatError, PromptError
from napari_samara.planes import Plane
from napari_samara.prompts.coordinates import Fixed, as_tuple, fixed_axes, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_samara.prompts.inputs import PromptInputs


@dataclass(frozen=True, kw_only=True, repr=False)
class Prompt(ABC):
    """A hint by the user about one object in one plane; subclasses are the kinds.

    Coordinates are (row, col) in pixels of the plane, pixel centres at whole numbers; the row axis
    is the earlier of the two axes shown.

    Parameters
    ----------
    axis : int or tuple of int, optional
        Axis of the volume that the plane is perpendicular to; None in a 2D image.
    index : int or tuple of int, optional
        Where on `axis` the plane lies; alone, it means axis 0 (halves are rounded up).

    Raises
    ------
    PromptError
        If a number is missing, not finite or negative.
    """

    kind: ClassVar[str] = ""
    _kinds: ClassVar[dict[str, type[Prompt]]] = {}

    axis: Fixed = None
    index: Fixed = None

    def __init_subclass__(cls) -> None:
        """Make the kind known to `from_dict`."""
        Prompt._kinds[cls.kind] = cls

    def __post_init__(self) -> None:
        """Bring axis and index to their comparable form."""
        axis, index = fixed_axes(self.axis, self.index)
        object.__setattr__(self, "axis", axis)
        object.__setattr__(self, "index", index)

    def __repr__(self) -> str:
        """Kind and what differs from the default, cut to a length that fits a message."""
        own = sorted(fields(self), key=lambda item: item.name in ("axis", "index"))
        parts = [
            f"{item.name}={getattr(self, item.name)!r:.80}"
            for item in own
            if getattr(self, item.name) != item.default
        ]
        return f"{type(self).__name__}({', '.join(parts)})"

    @property
    def fixed(self) -> dict[int, int]:
        """Index on each axis that is not shown; empty in a 2D image."""
        return dict(zip(as_tuple(self.axis), as_tuple(self.index), strict=True))

    def plane(self, shape: Sequence[int]) -> Plane:
        """Plane of an image that this prompt lies in.

        Parameters
        ----------
        shape : sequence of int
            Shape of the image, an RGB axis left out.

        Returns
        -------
        Plane
            Its rows and columns are the axes left over, in their order.

        Raises
        ------
        PromptError
            If the prompt has too few or too many axes for the image, or lies outside it.
        """
        if len(self.fixed) + 2 != len(shape):
            raise PromptError(
                f"{self} belongs to a {len(self.fixed) + 2}D image, but the image has shape "
                f"{tuple(shape)}; in 3D give point(z, row, col) or axis= and index="
            )
        for axis, index in self.fixed.items():
            if axis >= len(shape) or not 0 <= index < shape[axis]:
                raise PromptError(
                    f"{self} lies outside the image of shape {tuple(shape)}: index {index} on "
                    f"axis {axis}"
                )
        return Plane.of(len(shape), fixed=self.fixed)

    @abstractmethod
    def inputs(self, shape: tuple[int, int]) -> PromptInputs:
        """Points, box and mask that this prompt gives the model.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            In pixels of the plane.

        Raises
        ------
        PromptError
            If the prompt lies wholly outside the plane.
        """

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON, as in a prompt file.

        Returns
        -------
        dict
            With the entry ``"kind"``; axis and index only where there are some.
        """
        data: dict[str, Any] = {"kind": self.kind}
        for name in ("axis", "index"):
            if getattr(self, name) is not None:
                data[name] = plain(getattr(self, name))
        for item in fields(self):
            if item.name not in ("axis", "index"):
                data[item.name] = plain(getattr(self, item.name))
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Prompt of its plain form.

        Parameters
        ----------
        data : mapping
            As `to_dict` gives it.

        Returns
        -------
        Prompt
            Of the kind named in it.

        Raises
        ------
        FileFormatError
            If the kind is unknown or not this class, or an entry is missing or unknown.
        PromptError
            If a value is not allowed.
        """
        known = sorted(name for name, kind in cls._kinds.items() if issubclass(kind, cls))
        entries = dict(data)
        kind = entries.pop("kind", None)
        if kind not in known:
            raise FileFormatError(f"prompt kind {kind!r} is none of {', '.join(known)}")
        found = cls._kinds[kind]
        allowed = {item.name: item.default is MISSING for item in fields(found)}
        wrong = sorted(set(entries) - set(allowed))
        missing = sorted(name for name, needed in allowed.items() if needed and name not in entries)
        if wrong or missing:
            raise FileFormatError(
                f"a {kind} has the entries {sorted(allowed)}; missing {missing}, unknown {wrong}"
            )
        prompt = found.from_entries(entries)
        assert isinstance(prompt, cls)  # `known` holds nothing else
        return prompt

    @classmethod
    def from_entries(cls, entries: dict[str, Any]) -> Prompt:
        """Prompt of entries whose names are checked; a kind may read them in its own way.

        Parameters
        ----------
        entries : dict
            Values by field name.

        Returns
        -------
        Prompt
            Of this class.

        Raises
        ------
        PromptError
            If a value is not allowed.
        """
        return cls(**entries)
