"""What an evaluation comes to: means by data set and size of object, a table and a plot."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

from napari_samara.errors import MissingExtraError
from napari_samara.output import whole_file
from napari_samara.training.evaluation import LIMITS, after, prompts_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_samara.training.data import LabelledImage
    from napari_samara.training.evaluation import ObjectScore

SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, None)}
"""Areas in pixels, from and below, as in the COCO evaluation."""

_AFTER = (1, 2, 3, 5, 10, 20)


def summarise(
    scores: Sequence[ObjectScore], most: int, planes: Sequence[LabelledImage] = ()
) -> list[dict[str, Any]]:
    """Return one row for each data set, and in each for every size of object.

    Parameters
    ----------
    scores : sequence of ObjectScore
        Of all images.
    most : int
        Clicks an object could get.
    planes : sequence of LabelledImage, optional
        What was judged; without them rows do not say how it was made.

    Returns
    -------
    list of dict
        ``dataset``, ``size`` (``"all"`` or one of `SIZES`), ``intensity`` (how pixels became 8
        bits) and ``agreement`` (whether the labels are those of another method), ``images``,
        ``objects``, the mean of each IoU, ``clicks_1`` ... (IoU after so many), ``noc80`` and
        ``noc90``; ``box_clicks_1`` ... (IoU after a box and so many), ``box_noc80`` and
        ``box_noc90``, which count the box: means over the objects of an image, then over images.
    """
    rows = []
    for dataset in dict.fromkeys(score.dataset for score in scores):
        here = [score for score in scores if score.dataset == dataset]
        made = _made([plane for plane in planes if plane.dataset == dataset])
        rows.append({"dataset": dataset, "size": "all", **made, **_means(here, most)})
        for size, (low, high) in SIZES.items():
            part = [s for s in here if s.area >= low and (high is None or s.area < high)]
            if part:
                rows.append({"dataset": dataset, "size": size, **made, **_means(part, most)})
    return rows


def _made(planes: Sequence[LabelledImage]) -> dict[str, Any]:
    """How the planes of a data set were made."""
    if not planes:
        return {}
    return {
        "intensity": "; ".join(dict.fromkeys(plane.intensity for plane in planes)),
        "agreement": any(plane.agreement for plane in planes),
    }


def _means(scores: Sequence[ObjectScore], most: int) -> dict[str, Any]:
    clicked = [score for score in scores if score.clicks]
    row: dict[str, Any] = {
        "images": len({score.image for score in scores}),
        "objects": len(scores),
        **{name: _mean(scores, [s.ious[name] for s in scores]) for name in scores[0].ious},
    }
    if clicked:
        row["clicked"] = len(clicked)
        for first, ious in (
            ("", [score.clicks for score in clicked]),
            ("box_", [score.box_clicks for score in clicked]),
        ):
            before = int(first != "")
            for count in (count for count in _AFTER if count + before <= most):
                values = [after(count + before, each) for each in ious]
                row[f"{first}clicks_{count}"] = _mean(clicked, values)
            for limit in LIMITS:
                counts = [prompts_to(limit, each, most) for each in ious]
                row[f"{first}noc{round(100 * limit)}"] = _mean(clicked, counts)
    return row


def _mean(scores: Sequence[ObjectScore], values: Sequence[float]) -> float:
    """Mean over the objects of each image, then over images."""
    by_image: dict[str, list[float]] = {}
    for score, value in zip(scores, values, strict=True):
        by_image.setdefault(score.image, []).append(value)
    return round(mean(mean(group) for group in by_image.values()), 4)


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw IoU by prompt and IoU by clicks, a colour for each data set.

    Parameters
    ----------
    rows : sequence of dict
        As `summarise` returns them.
    path : Path
        ``.png``, ``.svg`` or ``.pdf``; appears whole or not at all.

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
            "plots are drawn by matplotlib, which is not installed; install it with "
            "pip install 'napari-samara[plot]'"
        ) from error
    whole = [row for row in rows if row["size"] == "all"]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    bars, lines = figure.subplots(1, 2)
    names = [
        n for n in ("box", "box_zoom", "ellipse", "point", "point_zoom", "otsu") if n in whole[0]
    ]
    width = 0.8 / len(whole)
    for number, row in enumerate(whole):
        places = [at + (number - (len(whole) - 1) / 2) * width for at in range(len(names))]
        bars.bar(places, [row[name] for name in names], width, label=row["dataset"])
        counts = [count for count in _AFTER if f"clicks_{count}" in row]
        lines.plot(counts, [row[f"clicks_{c}"] for c in counts], marker="o", label=row["dataset"])
    bars.set(ylim=(0, 1), ylabel="mean IoU", title="One prompt")
    bars.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
    lines.set_xticks([count for count in _AFTER if any(f"clicks_{count}" in row for row in whole)])
    lines.set(ylim=(0, 1), xlabel="clicks", ylabel="mean IoU", title="Corrective clicks")
    for limit in LIMITS:
        lines.axhline(limit, color="grey", linewidth=0.5)
    (lines if lines.lines and len(lines.lines) > len(LIMITS) else bars).legend(fontsize="small")
    with whole_file(path) as part:
        figure.savefig(part, dpi=150, format=path.suffix.lstrip(".") or "png")
