"""How large the objects of a session usually are, and what is looked at because of it."""

from __future__ import annotations

from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from napari_samara.engine.tiling import window_side
from napari_samara.session.request import Looking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.session.objects import ObjectRecord, OpenObject

# Objects accepted last that say what is usual.
_RECENT = 200

# Fewer say nothing yet.
_ENOUGH = 3


def usual_side(records: Mapping[int, ObjectRecord]) -> int | None:
    """Return the side of the window for objects as large as the accepted ones.

    Parameters
    ----------
    records : mapping of int to ObjectRecord
        By label; those that came last count.

    Returns
    -------
    int or None
        None where there are too few.
    """
    boxes = [record.box for record in islice(reversed(list(records.values())), _RECENT)]
    longest = [max(box[2] - box[0], box[3] - box[1]) for box in boxes if box is not None]
    return window_side(median(longest)) if len(longest) >= _ENOUGH else None


def looking(
    rule: str,
    predictor: PredictorLike,
    records: Mapping[int, ObjectRecord],
    opened: OpenObject,
) -> Looking:
    """Return how it is chosen what part of a plane is looked at.

    Parameters
    ----------
    rule : str
        One of `crops.CROPS`.
    predictor : PredictorLike
        Its family and the size of its input count.
    records : mapping of int to ObjectRecord
        Accepted objects.
    opened : OpenObject
        What was seen when its prompts were given.

    Returns
    -------
    Looking
        To be compared with another one.
    """
    checkpoint = predictor.checkpoint
    return Looking(
        rule,
        getattr(checkpoint, "family", "") if checkpoint is not None else "",
        getattr(predictor, "input_size", 0),
        usual_side(records),
        dict(opened.views),
        dict(opened.crops),
    )
