"""The headless verbs for all objects of an image, without prompts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from napari_samara.api import DEFAULT_CHECKPOINT, load
from napari_samara.errors import SettingsError
from napari_samara.images import read_image
from napari_samara.intensity import Contrast, to_rgb

# torch takes seconds to import: the functions that need it import what needs it.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.engine.automatic_masks import AutomaticMasks
    from napari_samara.engine.automatic_settings import AutomaticSettings
    from napari_samara.engine.predictor import Predictor


def segment_all(
    image: Any,
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    settings: AutomaticSettings | str | None = None,
    **options: Any,
) -> NDArray[np.int32]:
    """Segment all objects of an image, without prompts.

    Parameters
    ----------
    image : array_like or path-like
        (rows, cols) or (rows, cols, channels), any real type.  A path is read with `read_image`.
    checkpoint : str, path-like or Predictor
        As for `load`; a predictor is used as it is.
    settings : AutomaticSettings or str, optional
        Where to look and what to keep, or the name of a preset: ``"cells"`` (the default),
        ``"everything"``, ``"few large"`` or ``"segment-anything"``.
    **options
        As for `find_all`.

    Returns
    -------
    ndarray of int32, shape (rows, cols)
        Objects from 1 up, best score first; 0 is background.

    Raises
    ------
    ImageError
        If the image is empty, not of real numbers, or has other axes.
    SettingsError
        If there is no such preset, or the checkpoint has no head for dense proposals.
    FileFormatError, FileNotFoundError
        If a file cannot be read.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    return find_all(image, checkpoint, settings, **options).labels()


def find_all(
    image: Any,
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    settings: AutomaticSettings | str | None = None,
    **options: Any,
) -> AutomaticMasks:
    """Find all objects of an image, without prompts, with all that is known of them.

    Parameters
    ----------
    image, checkpoint, settings
        As for `segment_all`.
    **options
        ``contrast`` (`Contrast`, in place of that of the settings), ``progress`` and ``cancelled``
        (what is found by then is returned, with ``complete`` False), ``found`` (called with the
        `AutomaticMasks` so far), ``embedding`` (of the whole image, where there is one) and
        ``device``.

    Returns
    -------
    AutomaticMasks
        ``candidates`` (mask, score, stability, point), ``labels()``, and ``adjusted(...)`` to move
        limits without decoding again.

    Raises
    ------
    ImageError, SettingsError, FileFormatError, FileNotFoundError, CheckpointError, DeviceError
        As for `segment_all`.
    TypeError
        If there is no such option.
    """
    from napari_samara.engine.automatic import Scene, Watch, automatic_masks
    from napari_samara.engine.predictor import Predictor

    wanted = _settings(settings)
    contrast = options.pop("contrast", None) or Contrast(wanted.contrast)
    whole, device = options.pop("embedding", None), options.pop("device", "auto")
    watch = Watch(**options)
    pixels = read_image(image) if isinstance(image, str | os.PathLike) else image
    scene = Scene(to_rgb(pixels, contrast), contrast, whole)
    loaded = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint, device)
    return automatic_masks(loaded, scene, wanted, watch)


def _settings(settings: AutomaticSettings | str | None) -> AutomaticSettings:
    from napari_samara.engine.automatic_settings import AutomaticSettings

    if settings is None or isinstance(settings, AutomaticSettings):
        return settings or AutomaticSettings()
    if not isinstance(settings, str):
        raise SettingsError(
            f"settings must be AutomaticSettings or the name of a preset, got {settings!r:.80}"
        )
    return AutomaticSettings.preset(settings)
