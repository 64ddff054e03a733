"""Sample images (File > Open Sample): real ones of scikit-image, and a generated volume."""

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


def generated_nuclei() -> list[LayerData]:
    """Nuclei in a volume, generated here: no microscope has seen them, so the truth is known.

    Returns
    -------
    list of layer data
        An image of 40 x 192 x 192 voxels of 0.5 x 0.2 x 0.2 micrometres, uint16, and its true
        labels, hidden.
    """
    from napari_samara.training.volume_phantoms import nuclei_phantom

    made = nuclei_phantom()
    place: dict[str, Any] = {
        "scale": made.spacing,
        "units": ("um",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    place["metadata"] = {"generated": "napari-samara, nuclei_phantom(0)"}
    shown = {"name": "generated nuclei", "contrast_limits": (100, 3400), **place}
    truth = {"name": "generated nuclei truth", "visible": False, **place}
    return [(made.image, shown, "image"), (made.labels, truth, "labels")]


def _sample(name: str, **kwargs: Any) -> list[LayerData]:
    """One image of scikit-image by its name."""
    from skimage import data

    return [(getattr(data, name)(), {"name": name, **kwargs}, "image")]
