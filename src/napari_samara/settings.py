"""Settings: numbers declared once, which forms, command options and saved records all read."""

from __future__ import annotations

import math
from dataclasses import Field, asdict, dataclass, field, fields
from types import UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

import numpy as np

from napari_samara.errors import SettingsError
from napari_samara.intensity import CT_WINDOWS, POLICIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def setting(
    default: Any,
    *,
    title: str,
    help: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[Any] | None = None,
) -> Any:
    """Field of a settings class, with what a form and a command line need to show it.

    Parameters
    ----------
    default : object
        Value where none is given.
    title : str
        A few words, with the unit.
    help : str
        One sentence.
    minimum, maximum : float, optional
        Limits of a number, both allowed values.
    choices : sequence, optional
        All allowed values.

    Returns
    -------
    dataclasses.Field
        Typed as any so that it can stand as the default of an annotated name.
    """
    return field(
        default=default,
        metadata={
            "title": title,
            "help": help,
            "minimum": minimum,
            "maximum": maximum,
            "choices": None if choices is None else tuple(choices),
        },
    )


@dataclass(frozen=True)
class Settings:
    """Base of all settings: checked at birth, with a plain form.

    Raises
    ------
    SettingsError
        If a value has the wrong type or lies outside its range or choices.
    """

    def __post_init__(self) -> None:
        """Check every field."""
        validate(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON.

        Returns
        -------
        dict
            One entry per field.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build settings of their plain form; fields left out keep their default.

        Parameters
        ----------
        data : mapping
            Values by field name; lists stand for tuples.

        Returns
        -------
        Settings
            Of the class it is called on.

        Raises
        ------
        SettingsError
            If a name is unknown or a value is not allowed.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise SettingsError(
                f"{cls.__name__} has no setting {', '.join(unknown)}; it has "
                f"{', '.join(sorted(known))}"
            )
        return cls(**data)


@dataclass(frozen=True)
class PredictSettings(Settings):
    """How prompts become a mask.

    Attributes
    ----------
    mask_threshold : float
        Logit above which a pixel belongs to the object.
    fill_holes : bool
        Whether background enclosed by the object is added to it.
    keep_largest : bool
        Whether only the largest connected piece is kept.
    chunk : int
        Prompts decoded at once; fewer need less memory.
    """

    mask_threshold: float = setting(
        0.0,
        title="Mask threshold (logit)",
        help="Higher makes masks smaller; 0 is an even chance of object and background.",
        minimum=-32.0,
        maximum=32.0,
    )
    fill_holes: bool = setting(
        False, title="Fill holes", help="Add background enclosed by the object to it."
    )
    keep_largest: bool = setting(
        False, title="Keep largest piece", help="Drop all but the largest connected piece."
    )
    chunk: int = setting(
        64,
        title="Prompts at once",
        help="Prompts decoded in one go; fewer need less memory.",
        minimum=1,
        maximum=4096,
    )


@dataclass(frozen=True)
class SegmentSettings(Settings):
    """How objects become one label image.

    Attributes
    ----------
    contrast : str
        How intensities become RGB, one of `intensity.POLICIES` that needs no numbers.
    overlap : str
        Which of two overlapping objects gets the pixel: the ``"first"``, the ``"last"`` or the
        one of ``"best-score"``.
    multimask : str
        Whether the model gives several masks of a prompt and the best is taken: ``"auto"`` for a
        single point only, ``"yes"`` or ``"no"``.
    crop : str
        What is encoded for a prompt: the ``"whole"`` plane, a window around the ``"object"``, or
        ``"auto"``; see `engine.crops`.
    """

    OVERLAPS: ClassVar[tuple[str, ...]] = ("first", "last", "best-score")

    contrast: str = setting(
        "auto",
        title="Contrast",
        help="How intensities become the 8-bit RGB image that the model sees.",
        choices=[policy for policy in POLICIES if policy != "limits"],
    )
    overlap: str = setting(
        "best-score",
        title="Overlapping objects",
        help="Which of two objects gets a pixel that both claim.",
        choices=OVERLAPS,
    )
    multimask: str = setting(
        "auto",
        title="Several masks per prompt",
        help="Let the model give several masks and take the best; auto does so for one point.",
        choices=("auto", "yes", "no"),
    )
    crop: str = setting(
        "auto",
        title="Encode",
        help="whole: all of the plane. object: a window about five times as long as the object. "
        "auto: object for the samara family and for images over 1.5 times the model input, else "
        "whole.",
        choices=("auto", "whole", "object"),
    )


@dataclass(frozen=True)
class EvaluateSettings(Settings):
    """How a checkpoint is judged on images with known objects.

    Attributes
    ----------
    smallest : int
        Objects with fewer pixels are left out.
    objects : int
        Objects of each image that are looked for, drawn by chance; 0 stands for all.
    slices : int
        Planes of a volume across each axis.
    window : str
        How volumes that are not of 8 bits become so: ``"auto"``, ``"percentile"``, or a CT window.
    clicks : int
        Corrective clicks an object gets at most; 0 leaves the interactive part out.
    clicked_objects : int
        Objects of each image that are clicked on; more take longer.
    zoom : bool
        Whether box and point are also decoded in a window encoded at the scale of the object.
    seed : int
        Decides the jitter of points and which objects are clicked on.
    """

    smallest: int = setting(
        25,
        title="Smallest object (pixels)",
        help="Objects with fewer pixels are left out.",
        minimum=1,
    )
    objects: int = setting(
        0,
        title="Objects of an image",
        help="Objects of each image that are looked for, drawn by chance; 0 stands for all.",
        minimum=0,
    )
    slices: int = setting(
        10,
        title="Slices of a volume",
        help="Planes of a volume across each axis, evenly spaced among those with an object.",
        minimum=1,
    )
    window: str = setting(
        "auto",
        title="Intensities of CT",
        help="auto: soft tissue, -160 to 240 HU, where a manifest says that it is CT, else "
        "percentiles of the volume; a window is used for all that may be CT.",
        choices=("auto", "percentile", *CT_WINDOWS),
    )
    clicks: int = setting(
        20,
        title="Corrective clicks",
        help="Clicks an object gets at most; 0 leaves the interactive part out.",
        minimum=0,
        maximum=100,
    )
    clicked_objects: int = setting(
        8,
        title="Objects clicked on",
        help="Objects of each image that are clicked on; more take longer.",
        minimum=1,
    )
    zoom: bool = setting(
        False,
        title="Encode windows at the scale of the object",
        help="Also decode box and point in a window in which the object is seen large.",
    )
    seed: int = setting(
        0, title="Seed", help="Decides the jitter of points and which objects are clicked on."
    )


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """How a checkpoint is adapted to a user's images.

    Attributes
    ----------
    mode : str
        What learns: ``"decoder"`` (prompts to masks; the encoder stays and encodes each view once),
        ``"lora"`` (the decoder, and low-rank additions to the attention of the encoder) or
        ``"full"`` (everything).
    minutes : float
        Time to stop after.
    steps : int
        Steps to stop after.
    learning_rate : float
        Of AdamW, after some steps of rising from zero.
    validation : float
        Share of the images, or of the objects of a single image, that is held out to judge by.
    objects : int
        Objects prompted in a step.
    views : int
        Views of the images that are encoded beforehand, at most.
    patience : int
        Looks at the held-out objects without an improvement after which training ends.
    rank : int
        Of the additions of ``"lora"``.
    seed : int
        Decides the split, the views and the prompts.
    """

    MODES: ClassVar[tuple[str, ...]] = ("decoder", "lora", "full")

    mode: str = setting(
        "decoder",
        title="What learns",
        help="decoder: minutes on a CPU; lora and full also change the encoder and need longer.",
        choices=MODES,
    )
    minutes: float = setting(
        3.0, title="Time (minutes)", help="Training ends after this time.", minimum=0.01
    )
    steps: int = setting(2000, title="Steps", help="Training ends after so many steps.", minimum=1)
    learning_rate: float = setting(
        3e-4,
        title="Learning rate",
        help="Lower is safer and slower; a tenth of it for mode full.",
        minimum=1e-7,
        maximum=1.0,
    )
    validation: float = setting(
        0.2,
        title="Held out",
        help="Share of the images, or of the objects of a single image, to judge by.",
        minimum=0.05,
        maximum=0.9,
    )
    objects: int = setting(
        12, title="Objects a step", help="Fewer need less memory.", minimum=1, maximum=256
    )
    views: int = setting(
        48,
        title="Views",
        help="Views of the images that are encoded beforehand; more need more memory.",
        minimum=1,
        maximum=4096,
    )
    patience: int = setting(
        8,
        title="Patience",
        help="Looks at the held-out objects without an improvement after which training ends.",
        minimum=1,
    )
    rank: int = setting(
        4, title="Rank of the additions", help="Only for mode lora.", minimum=1, maximum=256
    )
    seed: int = setting(
        0, title="Seed", help="Decides the split, the views and the prompts.", minimum=0
    )


def validate(settings: Any) -> None:
    """Check each field of a settings value against its type, range and choices.

    Whole numbers given for a float, NumPy scalars and lists given for a tuple are converted in
    place, which is only right while the value is being made.

    Parameters
    ----------
    settings : dataclass
        Frozen or not, with fields made by `setting`.

    Raises
    ------
    SettingsError
        Naming the field, the value and what is allowed.
    """
    hints = get_type_hints(type(settings))
    for item in fields(settings):
        where = f"{type(settings).__name__}.{item.name}"
        value = _typed(where, getattr(settings, item.name), hints[item.name])
        _check_limits(where, value, item)
        object.__setattr__(settings, item.name, value)


def _typed(where: str, value: Any, hint: Any) -> Any:
    """`value` in the type of its annotation, or an error."""
    kinds = {getattr(kind, "__origin__", kind) for kind in _alternatives(hint)}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list) and tuple in kinds:
        value = tuple(value)
    if type(value) is int and float in kinds and int not in kinds:
        value = float(value)
    # The exact type: True is an int to isinstance, but no number of anything.
    if type(value) not in kinds:
        names = " or ".join(sorted(kind.__name__ for kind in kinds))
        raise SettingsError(f"{where} must be {names}, got {value!r}")
    return value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """Types of a union, or the one type."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _check_limits(where: str, value: Any, item: Field[Any]) -> None:
    """Refuse a value outside the range or the choices of its field."""
    low, high = item.metadata.get("minimum"), item.metadata.get("maximum")
    choices = item.metadata.get("choices")
    if choices is not None and value not in choices:
        raise SettingsError(f"{where} must be one of {', '.join(map(str, choices))}, got {value!r}")
    if not isinstance(value, int | float):
        return
    if math.isnan(value) or (low is not None and value < low):
        raise SettingsError(f"{where} must be at least {low}, got {value}")
    if high is not None and value > high:
        raise SettingsError(f"{where} must be at most {high}, got {value}")
