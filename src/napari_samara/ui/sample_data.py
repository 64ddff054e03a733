"""Sample images (File > Open Sample): real ones, which the scikit-image wheel carries."""

from __future__ import annotations

from typing import Any, TypeAlias

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]
"""Array, keyword arguments and kind of a layer, as napari takes them."""


def immunohistochemistry() -> list[LayerData]:
    """Tissue of a colon, stained with haematoxylin and diaminobenzidine.

    Returns
    -------
    list of layer data
        One RGB image of 512 x 512 pixels, uint8.
    """
    return _sample("immunohistochemistry", rgb=True)


def cell() -> list[LayerData]:
    """One cell in phase contrast, as digital holography shows it.

    Returns
    -------
    list of layer data
        One grey image of 660 x 550 pixels, uint8.
    """
    return _sample("cell")


def coins() -> list[LayerData]:
    """Greek coins from Pompeii: many objects of one kind on an uneven background.

    Returns
    -------
    list of layer data
        One grey image of 303 x 384 pixels, uint8.
    """
    return _sample("coins")


def _sample(name: str, **kwargs: Any) -> list[LayerData]:
    """One image of scikit-image by its name."""
    from skimage import data

    return [(getattr(data, name)(), {"name": name, **kwargs}, "image")]
