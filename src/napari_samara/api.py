"""The headless verbs: load a checkpoint, segment an image, embed, evaluate, fine-tune."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_samara import checkpoints
from napari_samara.errors import FileFormatError
from napari_samara.images import open_image, read_image
from napari_samara.prompts import as_prompt_set
from napari_samara.settings import EvaluateSettings

# torch takes seconds to import: the functions that need it import what needs it.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.checkpoints import CheckpointInfo
    from napari_samara.checkpoints.transfer import Reporter
    from napari_samara.engine.predictor import Predictor
    from napari_samara.session.volume_progress import Embedded
    from napari_samara.settings import FinetuneSettings, PredictSettings, SegmentSettings
    from napari_samara.store import EmbeddingStore
    from napari_samara.training.evaluation import ObjectScore
    from napari_samara.training.finetune_progress import Finetuned, Progress

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


def embed(
    volume: Any,
    store: EmbeddingStore | str | os.PathLike[str],
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    axes: Sequence[int] = (0,),
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **options: Any,
) -> Embedded:
    """Encode the slices of a volume into a store, where sessions find them.

    What is in the store already is not encoded again, so calling it once more goes on after a
    cancel or a kill.  `open_session` of the same array with the same store and checkpoint encodes
    nothing; where `options` choose a contrast, it has to be given the ``contrast`` of the result.

    Parameters
    ----------
    volume : array or path-like
        (z, row, col), with channels behind or more axes before these; lazy arrays (dask, zarr)
        are read plane by plane.  A path is read with `read_image`.
    store : EmbeddingStore or path-like
        Where the embeddings go; a path is a `ZarrStore`, made if it is not there.
    checkpoint : str, path-like or Predictor
        As for `load`; a predictor is used as it is.
    axes : sequence of int
        Axes across which it is cut: ``(0, 1, 2)`` is XY, XZ and YZ of (z, y, x).
    progress : callable, optional
        Called as ``progress(done, total)`` in slices.
    cancelled : callable, optional
        Asked between slices; what is encoded by then is kept.
    **options
        ``settings`` (`EmbedSettings`), ``fixed`` (index on each axis that is no axis of the
        volume; 0 if left out), ``rgb`` (a last axis of 3 or 4 is taken for channels), ``contrast``
        (in place of one for all slices, see `volume_contrast`) and ``device``.

    Returns
    -------
    Embedded
        How many slices were encoded and found, and the contrast.

    Raises
    ------
    ImageError
        If axes do not fit the volume, or slices cannot be read (the others are encoded).
    StoreError
        If there is something else at `store`, or it cannot be written to.
    CancelledError
        If `cancelled` said so.
    OutOfMemoryError
        If there is no memory for a single slice.
    FileFormatError, FileNotFoundError
        If a file cannot be read.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.engine.predictor import Predictor
    from napari_samara.session.volume_job import volume_job

    device = options.pop("device", "auto")
    image, rgb = open_image(volume) if isinstance(volume, str | os.PathLike) else (volume, None)
    options["rgb"] = options.get("rgb", rgb)
    loaded = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint, device)
    job = volume_job(image, loaded, store, axes, **options)
    told = None if progress is None else lambda now: progress(now.done, now.total)
    return job.run(told, cancelled)


def evaluate(
    data: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    settings: EvaluateSettings | None = None,
    **options: Any,
) -> tuple[list[dict[str, Any]], list[ObjectScore]]:
    """Judge a checkpoint on labelled images: IoU by one prompt, and click by click.

    Parameters
    ----------
    data : path-like
        Folder of images and label images, see `training.folders.read_folder`.
    checkpoint : str, path-like or Predictor
        As for `load`; a predictor is used as it is.
    settings : EvaluateSettings, optional
        Which objects, how many clicks.
    **options
        ``part``, ``datasets`` (of a folder with a manifest), ``images`` (only the first so many
        files of each data set), ``cases`` (a folder for pictures of the worst objects),
        ``progress`` and ``cancelled``.

    Returns
    -------
    summary : list of dict
        As `training.evaluation_report.summarise` makes it.
    scores : list of ObjectScore
        One for each object.

    Raises
    ------
    FileFormatError
        If there are no labelled images, none with an object, or one cannot be read.
    MissingExtraError
        If there is NIfTI and nibabel is not installed.
    OutputError
        If `cases` cannot be written to.
    CancelledError
        If `cancelled` said so.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.evaluation import evaluate_images
    from napari_samara.training.evaluation_cases import write_cases
    from napari_samara.training.evaluation_report import summarise
    from napari_samara.training.folders import read_folder
    from napari_samara.training.slices import Reading

    settings = settings or EvaluateSettings()
    chosen = {name: options.pop(name) for name in ("part", "datasets") if name in options}
    cases = options.pop("cases", None)
    reading = Reading(options.pop("images", None), settings.slices, settings.window)
    planes = list(read_folder(Path(data), reading=reading, **chosen))
    loaded = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint)
    scores = evaluate_images(loaded, planes, settings, **options)
    if not scores:
        raise FileFormatError(
            f"{data} has no object of at least {settings.smallest} pixels to judge a checkpoint by"
        )
    if cases is not None:
        write_cases(Path(cases), loaded, planes, scores)
    return summarise(scores, settings.clicks, planes), scores


def finetune(
    images: Any,
    labels: Any,
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    out: str | os.PathLike[str] = "finetuned",
    settings: FinetuneSettings | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    resume: bool = False,
) -> Finetuned:
    """Adapt a checkpoint to labelled images; part of them is held out to judge it by.

    Whenever the held-out objects are found better than before, the checkpoint is written, so that
    nothing is lost by what comes later; its folder is opened by `load`.  Until the end the folder
    also holds how far training is: after a kill, or after `cancelled`, `resume` goes on there.

    Parameters
    ----------
    images : array_like, path-like, or list of them
        (rows, cols), (rows, cols, channels) or (planes, rows, cols), any real type.
    labels : array_like, path-like, or list of them
        As many, each in the shape of its image without channels; 0 is background.
    checkpoint : str, path-like or Predictor
        As for `load`; it stays as it is.
    out : path-like
        Folder of the new checkpoint; must not hold anything yet, unless `resume`.
    settings : FinetuneSettings, optional
        What learns, and for how long; left out with `resume`, those of the interrupted run.
    progress : callable, optional
        Told of every look at the held-out objects.
    cancelled : callable, optional
        Asked before each step; the best so far is kept.
    resume : bool
        Go on with the run in `out` that was interrupted, with the same images, labels, checkpoint
        and settings (time, steps and patience may be others): the result is that of a run which
        was not.

    Returns
    -------
    Finetuned
        With the history; ``best`` is what was written.

    Raises
    ------
    ImageError
        If images and labels do not fit each other.
    TrainingError
        If there are fewer than two objects, or no step was better than the checkpoint: nothing is
        written then.  With `resume`, if no run was interrupted in `out` or it was another one.
    OutputError
        If `out` holds something or cannot be written.
    FileFormatError, FileNotFoundError
        If a file cannot be read.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.finetune_run import FinetuneRun

    run = FinetuneRun.prepare(images, labels, out, settings, resume)
    loaded = checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint)
    return run.run(loaded, progress, cancelled)


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
