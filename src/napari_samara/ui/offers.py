"""The checkpoints that the widget offers, and what the user is told of each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_samara.engine.encode_times import EncodeTime, EncodeTimes, encoder_work, guessed_work
from napari_samara.ui.own_checkpoints import own_checkpoints
from napari_samara.ui.quiet_imports import import_quietly

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_samara.checkpoints import CheckpointInfo

# As the training names it; importing that imports torch.
_HISTORY = "finetune.json"


@dataclass(frozen=True)
class Offer:
    """One checkpoint of the list.

    Attributes
    ----------
    name : str
        As it is shown.
    source : str
        As `napari_samara.load` takes it.
    size_mb : float
        In 10**6 bytes.
    path : Path or None
        Where it lies on this machine; None where it must be downloaded.
    family : str
        As in `Checkpoint.family`; empty where it is not known.
    licence, description : str
        Empty where they are not known.
    sha256 : str or None
        Digest, where it is known without reading the file.
    time : EncodeTime or None
        What a plane takes; None as long as nobody has looked.
    gain : str
        What fine-tuning gave, where it was made by that.
    """

    name: str
    source: str
    size_mb: float
    path: Path | None = None
    family: str = ""
    licence: str = ""
    description: str = ""
    sha256: str | None = None
    time: EncodeTime | None = None
    gain: str = ""

    @property
    def title(self) -> str:
        """Entry of the list."""
        size = f"{self.size_mb:.0f} MB"
        parts = [size if self.path is not None else f"{size} to download"]
        if self.time is not None:
            parts.append(f"{seconds_text(self.time)} a plane")
        return f"{self.name} ({', '.join(parts)})"

    @property
    def about(self) -> str:
        """What is said below the list."""
        size = f"{self.size_mb:.0f} MB"
        here = f"{size}, on this machine." if self.path is not None else f"{size} to download."
        if self.time is not None:
            how = "as measured here" if self.time.measured else "estimated"
            here = f"{here} Encoding a plane takes {seconds_text(self.time)} ({how})."
        return f"{here} {self.gain}".rstrip()

    @property
    def details(self) -> str:
        """Tooltip."""
        lines = [self.name, self.description, self.gain]
        lines.append(f"Licence: {self.licence or 'not known'}")
        lines.append(str(self.path) if self.path is not None else "Not on this machine yet.")
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True)
class Machine:
    """What is told before anything is loaded.

    Attributes
    ----------
    device : str
        Where a model will run, and why.
    offers : tuple of Offer
        With their times on that device.
    """

    device: str
    offers: tuple[Offer, ...]


def list_offers() -> tuple[Offer, ...]:
    """Return the catalog and the user's own, without times; reads the disk, but no weights.

    Returns
    -------
    tuple of Offer
        Shipped ones first, own ones last.
    """
    from napari_samara.api import list_checkpoints

    return (*map(_known, list_checkpoints()), *map(own_offer, own_checkpoints()))


def look_at_machine(offers: Iterable[Offer]) -> Machine:
    """Find out where a model would run and how long encoding would take; imports torch.

    Parameters
    ----------
    offers : iterable of Offer
        Without times.

    Returns
    -------
    Machine
        With times.

    Raises
    ------
    DeviceError
        If torch finds a device that it cannot use.
    """
    # napari needs pandas for the first layer of points: it is not to wait for it then.
    import_quietly("torch", "pandas")
    from napari_samara.engine.device import choose_device
    from napari_samara.engine.timing import calibrate

    choice = choose_device()
    times = EncodeTimes(choice)
    if times.rate is None:
        times = EncodeTimes(choice, calibrate(choice.device, choice.precision))
    timed = (
        replace(offer, time=times.of(offer.sha256, offer.path, _work(offer))) for offer in offers
    )
    return Machine(str(choice), tuple(timed))


def own_offer(path: Path) -> Offer:
    """Entry of a file or folder of the user.

    Parameters
    ----------
    path : Path
        Absolute.

    Returns
    -------
    Offer
        Its size is 0 if it is not there.
    """
    about = Offer(path.name, str(path), _size_mb(path), path, description="Chosen from the disk.")
    try:
        made = json.loads((path / _HISTORY).read_text(encoding="utf-8"))
        before, after = made["history"][0], made["best"]
        figures = [f"{name} {before[name]:.2f} → {after[name]:.2f}" for name in ("box", "point")]
        base = made["checkpoint"]["name"] if made["checkpoint"] else "unnamed weights"
        licence = made["checkpoint"].get("licence") or "" if made["checkpoint"] else ""
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return about
    gain = f"IoU on objects held out, before → after: {', '.join(figures)}."
    description = f"Fine-tuned from {base}."
    return replace(about, description=description, gain=gain, licence=licence)


def seconds_text(time: EncodeTime) -> str:
    """Time for the user.

    Parameters
    ----------
    time : EncodeTime
        Of one plane.

    Returns
    -------
    str
        As exact as it is known.
    """
    seconds, about = time.seconds, "" if time.measured else "about "
    if seconds < 0.1:
        return "under 0.1 s"
    if seconds < 9.5:
        return f"{about}{seconds:.1f} s"
    return f"{about}{seconds:.0f} s" if seconds < 90 else f"{about}{seconds / 60:.0f} min"


def _known(info: CheckpointInfo) -> Offer:
    """Entry of the catalog."""
    about = (info.family, info.licence, info.description, info.sha256)
    return Offer(info.name, info.name, info.size_mb, info.path, *about)


def _work(offer: Offer) -> float:
    """Work of encoding; of a folder from its sizes, of a file from its length."""
    from napari_samara.model.config import SamConfig

    if offer.path is not None and (offer.path / "config.json").is_file():
        try:
            text = (offer.path / "config.json").read_text(encoding="utf-8")
            return encoder_work(SamConfig.from_dict(json.loads(text)))
        except (OSError, ValueError, TypeError):
            return 0.0
    return guessed_work(offer.size_mb, offer.family)


def _size_mb(path: Path) -> float:
    """Size of a file, or of the weights of a folder."""
    try:
        weights = [*path.glob("*.safetensors")] or [*path.glob("*.bin")]
        files = weights if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files) / 1e6
    except OSError:
        return 0.0
