"""How long encoding a plane will take on this machine: as it did last time, or an estimate.

What was measured is kept in ``encode-times.json`` in the cache folder, for each checkpoint by its
digest and for each device. Nothing depends on that file: where it cannot be read or written, times
are estimated or unknown. This module does not import torch unless it has to measure.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from napari_samara.checkpoints.cache import cache_dir
from napari_samara.errors import OutputError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.model.config import SamConfig

_VERSION, _MOST = 1, 200

# Multiply-adds that take as long as one of a matrix product: thin and depth-wise layers move
# memory rather than compute. Measured on a CPU with the encoders of ViT-B and MobileSAM.
_COST = {"vit": 1.6, "tiny_vit": 5.5}

# Parameters of prompt encoder and mask decoder, which are no part of the encoder.
_OTHER_PARTS = 4_060_000

# Rows and columns of the embedding where nothing else is known.
_TOKENS = 64 * 64

# No estimate is below: starting the parts of a model on a device takes that long.
_LEAST_S = 0.02

# A time is only written again if it differs by this part.
_CHANGE = 0.1

_lock = threading.Lock()


class Device(Protocol):
    """The part of `DeviceChoice` that times belong to."""

    @property
    def device(self) -> str:
        """Name as torch has it."""
        ...

    @property
    def precision(self) -> str:
        """Number format of the encoder."""
        ...


@dataclass(frozen=True)
class EncodeTime:
    """Time that one plane takes.

    Attributes
    ----------
    seconds : float
        From pixels to embedding.
    measured : bool
        Whether it took that long last time; else it is an estimate.
    """

    seconds: float
    measured: bool


class EncodeTimes:
    """What is known of one device.

    Parameters
    ----------
    device : Device
        Where the encoder is to run.
    rate : float, optional
        Multiply-adds in a second (see `timing.calibrate`), which are kept from now on; those
        kept before if left out.
    """

    def __init__(self, device: Device, rate: float | None = None) -> None:
        self._key = _key(device)
        kept = _read()
        known = kept["rates"].get(self._key)
        if rate is not None and (known is None or abs(rate / known - 1) > _CHANGE):
            _change("rates", self._key, rate)
        self.rate: float | None = rate if rate is not None else known
        self._encodes = kept["encodes"]

    def of(self, sha256: str | None, path: Path | str | None, work: float) -> EncodeTime | None:
        """Time of a checkpoint.

        Parameters
        ----------
        sha256 : str or None
            Its digest, where it is known.
        path : path-like or None
            Where it lies; found by it where the digest is not known.
        work : float
            As `encoder_work` or `guessed_work` gives it.

        Returns
        -------
        EncodeTime or None
            None where nothing was measured, the speed of the device neither.
        """
        for entry in (f"{self._key} {sha256}", f"{self._key} {path}"):
            if (found := self._encodes.get(entry)) is not None:
                return EncodeTime(found, measured=True)
        if self.rate is None or work <= 0:
            return None
        return EncodeTime(max(_LEAST_S, work / self.rate), measured=False)


def encoder_work(config: SamConfig) -> float:
    """Work of encoding one plane.

    Parameters
    ----------
    config : SamConfig
        Sizes of the model.

    Returns
    -------
    float
        In multiply-adds of a matrix product: every weight once for each place of the embedding,
        times what the kind of layers costs.
    """
    vision = config.vision_config
    kind = "tiny_vit" if config.is_tiny_vit else "vit"
    return float(vision.weight_count) * vision.embedding_size**2 * _COST[kind]


def guessed_work(size_mb: float, family: str = "") -> float:
    """Work of encoding with weights of which only the size is known.

    Parameters
    ----------
    size_mb : float
        Of the file, in 10**6 bytes, four to a weight.
    family : str
        As in `Checkpoint.family`; small files are taken for ``tiny_vit`` where it is left out.

    Returns
    -------
    float
        As `encoder_work`.
    """
    weights = max(size_mb * 1e6 / 4 - _OTHER_PARTS, 0.0)
    tiny = family == "tiny_vit" if family else size_mb < 60
    return weights * _TOKENS * _COST["tiny_vit" if tiny else "vit"]


def expected_seconds(predictor: Any) -> float | None:
    """Seconds that the next plane will take.

    Parameters
    ----------
    predictor : Predictor
        About to encode. Measures the speed of its device, which takes less than 0.3 s, if
        nothing is known yet.

    Returns
    -------
    float or None
        None for what is no `Predictor` and has not been timed either.
    """
    times, checkpoint = EncodeTimes(predictor.device), predictor.checkpoint
    digest = checkpoint.sha256 if checkpoint is not None else None
    config = getattr(getattr(predictor, "model", None), "config", None)
    work = encoder_work(config) if config is not None else 0.0
    found = times.of(digest, None, work)
    if found is None and config is not None:
        from napari_samara.engine.timing import calibrate

        rate = calibrate(predictor.device.device, predictor.device.precision)
        found = EncodeTimes(predictor.device, rate).of(digest, None, work)
    return found.seconds if found is not None else None


def remember(predictor: Any, seconds: float) -> None:
    """Keep how long encoding took, for the next start; call it in a worker.

    Parameters
    ----------
    predictor : Predictor
        That encoded; weights without a digest are not remembered.
    seconds : float
        A plane.
    """
    checkpoint = predictor.checkpoint
    if checkpoint is None:
        return
    key = _key(predictor.device)
    for name in (checkpoint.sha256, getattr(checkpoint, "path", None)):
        if name:
            _change("encodes", f"{key} {name}", seconds)


def _key(device: Device) -> str:
    """Name of a device of this machine; the cache folder may be shared with others."""
    threads = ""
    if device.device == "cpu":
        threads = f" x{os.environ.get('OMP_NUM_THREADS') or os.cpu_count()}"
    return f"{platform.node()} {device.device}{threads} {device.precision}"


def _path() -> Path:
    return cache_dir() / "encode-times.json"


def _read() -> dict[str, dict[str, float]]:
    """Everything that is kept; nothing where the file is missing, damaged or of another version."""
    empty: dict[str, dict[str, float]] = {"rates": {}, "encodes": {}}
    try:
        data = json.loads(_path().read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            return empty
        kept = {part: data[part] for part in empty}
        good = all(float(value) > 0 for part in kept.values() for value in part.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return empty
    return kept if good else empty


def _change(part: str, key: str, value: float) -> None:
    """Write one value, unless it is the one that stands there; the newest values are kept."""
    with _lock:
        kept = _read()
        before = kept[part].pop(key, None)
        if before is not None and abs(value / before - 1) <= _CHANGE:
            return
        kept[part] = dict([*kept[part].items(), (key, value)][-_MOST:])
        with contextlib.suppress(OSError, OutputError):
            _path().parent.mkdir(parents=True, exist_ok=True)
            with whole_file(_path()) as part_path:
                text = json.dumps({"version": _VERSION, **kept}, indent=1)
                part_path.write_text(text, encoding="utf-8")
