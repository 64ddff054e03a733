"""Objects followed through volumes from one box: how well, how far, and what corrections bring.

Each object that spans five slices or more gets one tight box, on the largest slice of its middle
third.  Printed beside each other, as 3D Dice: the mask of that one slice copied to all slices that
the object is in (lower: its ends are given away), the masks made from the true box of every slice
(upper), and propagation, which is told neither; the share of the way between the two; and the share
of the slices written that lie beyond the object's ends.  ``--prompts`` compares what the next slice
is found with, ``--corrections`` corrects the slices at the top of the list of doubts, or others
drawn by chance, by the true mask.  ``--consensus`` looks across all three axes as well.

    python benchmarks/propagation.py --sets nuclei organs --objects 10 --store /tmp/embeddings
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from propagation_cases import GROUPS, Draw, drawn
from propagation_scores import Prepared, corrections, curve_line, followed, line, prepared

from napari_samara import load
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.store.memory import MemoryStore
from napari_samara.store.zarr_store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIANTS = {
    "default": {},
    "the model alone": {
        "lookahead": 0.0,
        "stop": 0.5,
        "matching": 0.0,
        "appearance": 0.0,
        "inertia": 0.0,
        "margin": 0.5,
    },
    "no lookahead": {"lookahead": 0.0, "stop": 0.5},
    "lookahead 2": {"lookahead": 2.0},
    "no matching": {"matching": 0.0},
    "matching 2": {"matching": 2.0},
    "no appearance": {"appearance": 0.0},
    "appearance 2": {"appearance": 2.0},
    "no inertia": {"inertia": 0.0},
    "inertia 1": {"inertia": 1.0},
    "no negatives": {"negatives": False},
    "mask as logits": {"mask": "logits"},
    "and 1 point": {"points": 1},
    "margin 0.5": {"margin": 0.5},
}
"""What a next slice can be found with."""


def main() -> None:
    """Run what is asked for."""
    args = _arguments()
    predictor = load(args.checkpoint, device="cpu")
    store = ZarrStore(args.store) if args.store else MemoryStore(4 * 2**30)
    draw = Draw(args.objects, args.part, args.seed)
    print(f"{predictor.checkpoint.name} {predictor.checkpoint.sha256[:12]}, load {os.getloadavg()}")
    print(f"{'':36}objects  lower  upper  Dice   of the way   beyond   missed")
    groups = {name: GROUPS.get(name, (name,)) for name in args.sets}
    for group, names in groups.items():
        start = time.perf_counter()
        sets = {
            name: [prepared(*found) for found in drawn(name, draw, predictor, store)]
            for name in names
        }
        sets = {name: volumes for name, volumes in sets.items() if volumes}
        for title in VARIANTS if args.prompts else ["default"]:
            _follow(f"{group}, {title}", sets, PropagateSettings(**VARIANTS[title]))
        if args.consensus:
            _follow(f"{group}, three axes", sets, PropagateSettings(consensus=True))
        if args.corrections:
            _correct(group, sets, args.corrections, args.draws)
        print(f"{group}: {time.perf_counter() - start:.0f} s", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    names = [*GROUPS, *(name for one in GROUPS.values() for name in one)]
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--sets", nargs="+", choices=names, default=["nuclei", "organs"])
    parser.add_argument("--objects", type=int, default=10, help="of each data set, at most")
    parser.add_argument("--part", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--prompts", action="store_true", help="compare kinds of prompts")
    parser.add_argument("--consensus", action="store_true", help="look across three axes too")
    parser.add_argument("--corrections", type=int, default=0, metavar="N", help="of each object")
    parser.add_argument("--draws", type=int, default=4, metavar="N", help="of slices by chance")
    parser.add_argument("--store", help="folder that keeps embeddings for the next run")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _follow(
    title: str, sets: Mapping[str, Sequence[Prepared]], settings: PropagateSettings
) -> None:
    """Print a line for each data set, and one for all of them."""
    scores = []
    for name, volumes in sets.items():
        scores.append([followed(one, settings) for one in volumes])
        print(f"  {name:34}{line(scores[-1:])}", flush=True)
    if scores:
        print(f"{title:36}{line(scores)}", flush=True)


def _correct(group: str, sets: Mapping[str, Sequence[Prepared]], count: int, draws: int) -> None:
    """Print the Dice after each correction; by chance it is the mean of some draws."""
    volumes = [one for some in sets.values() for one in some]
    for name, order in (("top of the list", [None]), ("by chance", list(range(draws)))):
        settings = PropagateSettings()
        curves = [c for at in order for v in volumes for c in corrections(v, settings, count, at)]
        if curves:
            print(f"{group}, corrected {name:15} {curve_line(curves)}", flush=True)


if __name__ == "__main__":
    main()
