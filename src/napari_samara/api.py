"""The headless verbs: load a checkpoint, segment an image."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_samara import checkpoints
from napari_samara.images import read_image
from napari_samara.prompts import as_prompt_set

# torch takes seconds to import: the functions that need it import what needs it.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.checkpoints import CheckpointInfo
    from napari_samara.checkpoints.transfer import Reporter
    from napari_samara.engine.predictor import Predictor
    from napari_samara.settings import PredictSettings, SegmentSettings

Stamp: TypeAlias = tuple[tuple[str, int, int], ...]

DEFAULT_CHECKPOINT = "samara-tiny"
"""The one that comes with the package."""

_KEPT = 2
_kept: OrderedDict[tuple[str, str], tuple[Stamp, Predictor]] = OrderedDict()


def list_checkpoints() -> list[CheckpointInfo]:
    """Return the checkpoints known by name; no network is used.

    Returns
    -------
    list of CheckpointInfo
        With name, family, size, licence, digest and, where it is on this machine, path.
    """
    return list(checkpoints.list_checkpoints())


def load(
    name: str | os.PathLike[str] = DEFAULT_CHECKPOINT,
    device: str = "auto",
    precision: str = "auto",
    reporter: Reporter | None = None,
) -> Predictor:
    """Load a checkpoint onto a device.

    The two predictors loaded last are kept and given out again for the same source, device and
    precision while the files are unchanged; treat a predictor as shared. It holds no image, so
    sharing one is safe.

    Parameters
    ----------
    name : str or path-like
        Name of the catalog, file, folder or hub id; a path that exists needs no network.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
    precision : str
        Number format of the image encoder: ``auto``, ``float32``, ``float16`` or ``bfloat16``.
    reporter : Reporter, optional
        Progress and cancellation of a download.

    Returns
    -------
    Predictor
        Ready to embed.

    Raises
    ------
    DeviceError
        If the device is unknown or not usable here.
    CheckpointError
        If there is no such checkpoint or it cannot be used (`CheckpointNotFoundError`,
        `UnsafeCheckpointError`, `KeyMismatchError` among others).
    DownloadError
        If it had to be fetched and could not be.
    """
    from napari_samara.checkpoints.load import load_checkpoint
    from napari_samara.engine.device import choose_device
    from napari_samara.engine.predictor import Predictor

    choice = choose_device(device, precision)
    asked = (_absolute(name), str(choice))
    stamp, held = _kept.pop(asked, ((), None))
    if held is None or held.checkpoint is None or stamp != _stamp(held.checkpoint.path):
        loaded = load_checkpoint(name, reporter=reporter)
        held = Predictor(loaded.model, loaded.preprocess, loaded.checkpoint, choice)
        stamp = _stamp(loaded.checkpoint.path)
    _kept[asked] = (stamp, held)
    while len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return held


def segment(
    image: Any,
    prompts: Any,
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    settings: SegmentSettings | None = None,
    device: str = "auto",
    predict_settings: PredictSettings | None = None,
) -> NDArray[np.int32]:
    """Segment the objects that prompts point at.

    Parameters
    ----------
    image : array_like or path-like
        (rows, cols), (rows, cols, channels) or, with prompts that name their slice, any number of
        axes before these; any real type.  A path is read with `read_image`.
    prompts : PromptSet or what makes one
        File of prompts, list, mapping of object id to prompts, array of points (N, 2) or boxes
        (N, 4), table: see `as_prompt_set`.  (row, col), boxes half-open.
    checkpoint : str, path-like or Predictor
        As for `load`; a predictor is used as it is.
    settings : SegmentSettings, optional
        Contrast, which object gets a pixel that two claim, several masks per prompt.
    device : str
        As for `load`; without meaning where a predictor is given.
    predict_settings : PredictSettings, optional
        Threshold, clean-up of masks, batch size.

    Returns
    -------
    ndarray of int32, shape of the image without channels
        The object ids of the prompts; 0 is background.

    Raises
    ------
    ImageError
        If the image is empty, not of real numbers, or has axes that the prompts do not name.
    PromptError
        If there is no prompt, one lies outside the image, or an object has only negative ones.
    FileFormatError
        If a file of the image or the prompts cannot be read.
    FileNotFoundError
        If there is no such file.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.segmentation import segment_objects

    given = as_prompt_set(prompts)
    pixels = read_image(image) if isinstance(image, str | os.PathLike) else image
    loaded = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint, device)
    return segment_objects(loaded, pixels, given, settings, predict_settings).labels


def _absolute(name: str | os.PathLike[str]) -> str:
    """Source as a text that means the same in every working directory."""
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else str(name)


def _stamp(path: Path) -> Stamp:
    """Name, size and time of change of the files of a checkpoint; nothing once they are gone."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        status = [(file.name, file.stat()) for file in files]
    except OSError:
        return ()
    return tuple((name, found.st_size, found.st_mtime_ns) for name, found in status)
