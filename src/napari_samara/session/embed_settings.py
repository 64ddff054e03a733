"""How a volume is encoded into a store."""

from __future__ import annotations

from dataclasses import dataclass

from napari_samara.intensity import POLICIES
from napari_samara.settings import Settings, setting


@dataclass(frozen=True)
class EmbedSettings(Settings):
    """How a volume is encoded into a store.

    Attributes
    ----------
    contrast : str
        Policy by which intensities become 8-bit, see `Contrast`.
    per_slice : bool
        Whether ``"auto"``, ``"percentile"`` and ``"minmax"`` measure each slice by itself, in place
        of the volume once (`volume_contrast`).  Limits of the volume keep slices comparable, and
        an object looks the same from slice to slice; limits of each slice bring out faint slices,
        and flicker.
    store_precision : str
        Number format on disk: ``"float16"`` or ``"float32"``, which takes twice the room.
    batch : int
        Planes encoded together; 0 for as many as help and fit into the memory.
    """

    contrast: str = setting(
        "auto",
        title="Contrast",
        help="How intensities become the RGB image that the model sees.",
        choices=tuple(name for name in POLICIES if name != "limits"),
    )
    per_slice: bool = setting(
        False,
        title="Contrast of each slice",
        help="Measure intensities in each slice by itself, not in the volume once.",
    )
    store_precision: str = setting(
        "float16",
        title="Precision on disk",
        help="Number format of the store; float32 takes twice the room.",
        choices=("float16", "float32"),
    )
    batch: int = setting(
        0,
        title="Planes at once",
        help="Planes encoded together; 0 for as many as help and fit into the memory.",
        minimum=0,
        maximum=256,
    )
