"""How all objects of an image are found without prompts, and presets in place of many numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from napari_samara.errors import SettingsError
from napari_samara.intensity import POLICIES
from napari_samara.settings import Settings, setting

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class AutomaticSettings(Settings):
    """How all objects of an image are found.

    The first group says where objects are looked for and needs decoding again when it changes; the
    second says what is kept of what was found and can be changed afterwards.

    Attributes
    ----------
    source : str
        Where prompts come from: ``"dense"`` from the maps of the checkpoint's own head, ``"grid"``
        from points on a grid, ``"auto"`` from the head where there is one.
    points_per_side : int
        Points of the grid along the longer side.
    grid : str
        ``"image"``: equal steps along both sides, without points where the image is constant;
        ``"square"``: as many along both sides, as SAM has them.
    skip_covered : bool
        Whether points inside objects that are found already are left out.
    zoom : str
        Whether windows are encoded by themselves for the dense source so that objects are seen at
        the size that the model knows best: ``"auto"`` or ``"never"``.
    cut_out : bool
        Whether objects that the cell net shows are cut out of its maps as masks too, for the dense
        source; without, each mask is what a point gives.
    crop_layers : int
        Times that the image is also cut into 2 x 2, 4 x 4, ... crops for the grid.
    crop_overlap : float
        Part of the shorter side by which the first crops overlap.
    crop_points_factor : int
        By what points per side are divided at each layer.
    contrast : str
        How intensities become RGB.
    chunk : int
        Prompts decoded at once.
    keep_more : bool
        Whether what is somewhat below the limits is kept as well, so that they can be lowered.
    score : float
        Score of a mask, at least: how likely it is an object with the dense source, predicted IoU
        with the grid.
    stability : float
        IoU of the mask with a lower and with a higher threshold, at least.
    stability_offset : float
        By how much that threshold is moved, in logits.
    box_overlap : float
        IoU of boxes from which on the worse of two masks of one crop is a duplicate.
    crop_box_overlap : float
        The same for masks of different crops.
    shared : float
        Part of the smaller of two masks that both may cover; 1 allows objects inside others.
    prefer : str
        Which of two such masks stays: the one of better ``"score"``, the ``"larger"`` or the
        ``"smaller"``.
    smallest, largest : float
        Limits of the area, in pixels and as a part of the image.
    small_regions : int
        Holes and loose pieces of a mask below this area are removed.
    edge : int
        Masks that come so near to an inner border of a crop are left to the next crop.
    overlap : str
        Which object gets a pixel of the labels that several claim.
    """

    SOURCES: ClassVar[tuple[str, ...]] = ("auto", "dense", "grid")
    GRIDS: ClassVar[tuple[str, ...]] = ("image", "square")
    ZOOMS: ClassVar[tuple[str, ...]] = ("auto", "never")
    PREFERENCES: ClassVar[tuple[str, ...]] = ("score", "larger", "smaller")
    OVERLAPS: ClassVar[tuple[str, ...]] = ("best-score", "smaller", "larger")
    AFTERWARDS: ClassVar[tuple[str, ...]] = (
        "score",
        "stability",
        "box_overlap",
        "crop_box_overlap",
        "shared",
        "prefer",
        "smallest",
        "largest",
        "small_regions",
        "edge",
        "overlap",
    )
    """Settings that can be changed without decoding again."""

    source: str = setting(
        "auto",
        title="Where to look",
        help="dense: where the checkpoint's own head sees objects; grid: at points on a grid; "
        "auto: dense where the checkpoint has such a head.",
        choices=SOURCES,
    )
    points_per_side: int = setting(
        32,
        title="Points per side",
        help="Points of the grid along the longer side; each costs one decoding.",
        minimum=1,
        maximum=1024,
    )
    grid: str = setting(
        "image",
        title="Grid",
        help="image: equal steps along both sides, nothing where the image is constant; square: "
        "as many points along both sides.",
        choices=GRIDS,
    )
    skip_covered: bool = setting(
        True,
        title="Skip what is found",
        help="Leave out points of the grid inside objects that are found already.",
    )
    zoom: str = setting(
        "auto",
        title="Fit the scale to the objects",
        help="auto: encode parts of the image by themselves where objects are small, and the image "
        "from farther away where they are large.",
        choices=ZOOMS,
    )
    cut_out: bool = setting(
        True,
        title="Cut cells out as well",
        help="Take cells that the cell net shows as masks too, for the dense source; off: each "
        "mask is what the model makes of a point.",
    )
    crop_layers: int = setting(
        0,
        title="Crop layers",
        help="Also look in 2 x 2, 4 x 4, ... crops of the image, for the grid; takes much longer.",
        minimum=0,
        maximum=4,
    )
    crop_overlap: float = setting(
        512 / 1500,
        title="Overlap of crops",
        help="Part of the shorter side by which crops of the first layer overlap.",
        minimum=0.0,
        maximum=0.9,
    )
    crop_points_factor: int = setting(
        1,
        title="Fewer points in crops",
        help="By what points per side are divided at each layer of crops.",
        minimum=1,
        maximum=16,
    )
    contrast: str = setting(
        "auto",
        title="Contrast",
        help="How intensities become the 8-bit RGB image that the model sees.",
        choices=[policy for policy in POLICIES if policy != "limits"],
    )
    chunk: int = setting(
        64,
        title="Prompts at once",
        help="Prompts decoded in one go; fewer need less memory.",
        minimum=1,
        maximum=4096,
    )
    keep_more: bool = setting(
        True,
        title="Keep more than is shown",
        help="Keep what is somewhat below the limits, so that they can be lowered afterwards.",
    )
    score: float = setting(
        0.6,
        title="Score at least",
        help="Quality of a mask, at least: how likely it is an object by the dense head, or the "
        "IoU that the model predicts.",
        minimum=0.0,
        maximum=1.0,
    )
    stability: float = setting(
        0.3,
        title="Stability at least",
        help="How little a mask may change when its threshold is moved; 0 does not ask.",
        minimum=0.0,
        maximum=1.0,
    )
    stability_offset: float = setting(
        1.0,
        title="Stability offset (logits)",
        help="By how much the threshold is moved to judge stability.",
        minimum=0.0,
        maximum=16.0,
    )
    box_overlap: float = setting(
        0.7,
        title="Duplicate boxes (IoU)",
        help="The worse of two masks whose boxes overlap more is a duplicate; 1 keeps both.",
        minimum=0.0,
        maximum=1.0,
    )
    crop_box_overlap: float = setting(
        0.7,
        title="Duplicate boxes of crops (IoU)",
        help="The same for masks that were found in different crops.",
        minimum=0.0,
        maximum=1.0,
    )
    shared: float = setting(
        0.5,
        title="Shared part",
        help="Part of the smaller of two masks that both may cover; 1 allows objects in objects.",
        minimum=0.0,
        maximum=1.0,
    )
    prefer: str = setting(
        "score",
        title="Of two masks keep",
        help="Which of two masks that cover each other stays.",
        choices=PREFERENCES,
    )
    smallest: int = setting(
        9, title="Smallest area (pixels)", help="Smaller objects are left out.", minimum=0
    )
    largest: float = setting(
        0.5,
        title="Largest area (part of the image)",
        help="Larger objects are left out; 1 keeps all.",
        minimum=0.0,
        maximum=1.0,
    )
    small_regions: int = setting(
        0,
        title="Clean up regions below (pixels)",
        help="Fill smaller holes and remove smaller loose pieces of each mask; 0 leaves them.",
        minimum=0,
    )
    edge: int = setting(
        2,
        title="Cut off by a crop (pixels)",
        help="Masks that come so near to an inner border of a crop are left to the next crop.",
        minimum=0,
        maximum=1024,
    )
    overlap: str = setting(
        "best-score",
        title="Overlapping objects",
        help="Which object gets a pixel of the labels that several claim.",
        choices=OVERLAPS,
    )

    @classmethod
    def preset(cls, name: str, **changes: Any) -> AutomaticSettings:
        """Return the settings of a preset.

        Parameters
        ----------
        name : str
            One of `PRESETS`.
        **changes
            Fields that are to be different.

        Returns
        -------
        AutomaticSettings
            New settings.

        Raises
        ------
        SettingsError
            If there is no such preset or field, or a value is not allowed.
        """
        if name not in PRESETS:
            raise SettingsError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
        return cls.from_dict({**PRESETS[name], **changes})

    def needs_decoding(self, other: AutomaticSettings) -> bool:
        """Return whether what was found with these settings cannot serve others.

        Parameters
        ----------
        other : AutomaticSettings
            The new ones.
        """
        same = {name: getattr(self, name) for name in self.AFTERWARDS}
        return replace(other, **same) != self


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "cells": {},
        "everything": {
            "source": "grid",
            "skip_covered": False,
            "shared": 1.0,
            "largest": 1.0,
            "small_regions": 25,
            "overlap": "smaller",
        },
        "few large": {
            "source": "grid",
            "points_per_side": 12,
            "prefer": "larger",
            "smallest": 100,
            "largest": 0.9,
            "small_regions": 100,
            "overlap": "larger",
        },
        "segment-anything": {
            "source": "grid",
            "grid": "square",
            "skip_covered": False,
            "keep_more": False,
            "score": 0.88,
            "stability": 0.95,
            "shared": 1.0,
            "smallest": 0,
            "largest": 1.0,
            "edge": 20,
            "overlap": "smaller",
        },
    }
)
"""What differs from the defaults, which are those of ``cells``."""
