"""A fine-tuned checkpoint on the disk: weights, model card, history and curve."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_samara.checkpoints.save import save_pretrained
from napari_samara.errors import MissingExtraError, OutputError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor
    from napari_samara.settings import FinetuneSettings
    from napari_samara.training.examples import Split
    from napari_samara.training.finetune_progress import Finetuned, Progress

HISTORY, CURVE = "finetune.json", "curve.png"


def require_new_folder(folder: Path) -> None:
    """Check that a checkpoint can be written, before minutes are spent on it.

    Parameters
    ----------
    folder : Path
        Made, empty.

    Raises
    ------
    OutputError
        If something is there already or the folder cannot be made.
    """
    try:
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise OutputError(
                f"{folder} is there already: choose a new folder, nothing is overwritten"
            )
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error


def write_finetuned(
    folder: Path,
    found: Finetuned,
    predictor: Predictor,
    split: Split,
    settings: FinetuneSettings,
) -> None:
    """Write a checkpoint with its card and its history; the weights arrive by rename.

    Parameters
    ----------
    folder : Path
        Of this run.
    found : Finetuned
        Result, perhaps so far.
    predictor : Predictor
        What it began with.
    split : Split
        What was learned from.
    settings : FinetuneSettings
        How.

    Raises
    ------
    OutputError
        If the disk is full or gone; what was written before stays.
    """
    card = model_card(found, predictor, split, settings)
    save_pretrained(found.model, folder, predictor.preprocess, card=card)
    report = {
        "settings": settings.to_dict(),
        "objects": dict(zip(("train", "held_out"), split.counts, strict=True)),
        "checkpoint": predictor.checkpoint.to_dict() if predictor.checkpoint else None,
        "history": [_plain(at) for at in found.history],
        "best": _plain(found.best),
        "stopped": found.stopped,
    }
    with whole_file(folder / HISTORY) as part:
        part.write_text(json.dumps(report, indent=1), encoding="utf-8")


def model_card(
    found: Finetuned, predictor: Predictor, split: Split, settings: FinetuneSettings
) -> str:
    """Return the text of the ``README.md`` beside the weights.

    Parameters
    ----------
    found : Finetuned
        Result.
    predictor : Predictor
        What it began with.
    split : Split
        What was learned from.
    settings : FinetuneSettings
        How.

    Returns
    -------
    str
        Markdown whose header names the licence, which is that of the first weights.
    """
    base = predictor.checkpoint
    name, licence = (base.name, base.licence) if base else ("unnamed weights", None)
    before, after = found.history[0], found.best
    train, held_out = split.counts
    header = f"---\nlicense: {licence}\n---\n\n" if licence else ""
    return (
        header
        + f"""# {name}, fine-tuned

Adapted by napari-samara from {name}{f" (sha256 {base.sha256[:12]}…)" if base else ""}: mode
`{settings.mode}`, {after.step} steps. It learned from {train} objects in {len(split.train)} planes,
which are the user's own; their licence limits what may be done with these weights, as does that
of {name} ({licence or "not stated"}).

Mean IoU of {held_out} held-out objects in {len(split.held_out)} planes (at most some dozens of them
are looked at):

| prompt | before | after |
| --- | --- | --- |
| tight box | {before.box:.3f} | {after.box:.3f} |
| one point | {before.point:.3f} | {after.point:.3f} |

The best of {len(found.history)} looks was kept, so that the figures are a little flattered: judge
by `napari-samara evaluate` on other images.
"""
    )


def draw_curve(history: Sequence[Progress], path: Path) -> None:
    """Draw loss and IoU over the steps.

    Parameters
    ----------
    history : sequence of Progress
        One look at least.
    path : Path
        ``.png``; appears whole or not at all.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "curves are drawn by matplotlib, which is not installed; install it with "
            "pip install 'napari-samara[plot]'"
        ) from error
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    steps = [at.step for at in history]
    axes.plot(steps, [at.box for at in history], marker=".", label="box")
    axes.plot(steps, [at.point for at in history], marker=".", label="point")
    axes.set(xlabel="steps", ylabel="mean IoU of held-out objects", ylim=(0, 1))
    losses = axes.twinx()
    losses.plot(steps, [at.loss for at in history], color="grey", linestyle=":", label="loss")
    losses.set_ylabel("training loss")
    figure.legend(loc="outside upper right", ncols=3, fontsize="small")
    with whole_file(path) as part:
        figure.savefig(part, dpi=150, format="png")


def _plain(at: Progress) -> dict[str, Any]:
    """One look for JSON, which knows no not-a-number."""
    return {name: None if value != value else value for name, value in asdict(at).items()}
