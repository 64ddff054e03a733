"""`napari-samara replay`: a session file to labels."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara import session_api
from napari_samara.cli.options import add_common
from napari_samara.cli.report import emit
from napari_samara.formats.ome_labels import is_label_folder
from napari_samara.labels import require_suffix, write_labels
from napari_samara.output import require_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_samara.cli.options import Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "replay",
        help="make the labels of a saved session again",
        description="Make the labels of a saved session again, step by step. Neither the image "
        "nor the checkpoint is needed.",
    )
    parser.add_argument(
        "session", metavar="S", type=Path, help="session file, or the folder of an annotation"
    )
    parser.add_argument(
        "--out", metavar="L", type=Path, required=True, help="label image: .tif, .npy or .ome.zarr"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replay and write the labels.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options.

    Returns
    -------
    int
        0.

    Raises
    ------
    SamaraError, OSError
        What `session_api.replay` and `write_labels` raise.
    """
    start = time.perf_counter()
    if is_label_folder(args.out):
        labels = session_api.replay(args.session, args.out)
        found = _ids(labels.written())  # type: ignore[attr-defined]
    else:
        require_suffix(args.out)
        require_folder(args.out)
        labels = session_api.replay(args.session)
        write_labels(args.out, labels)
        found = _ids([labels])
    report = {
        "session": str(args.session),
        "out": str(args.out),
        "shape": list(labels.shape),
        "labels": found,
        "seconds": time.perf_counter() - start,
    }
    emit(args.json, report, f"{len(found)} objects\n\n{args.out}")
    return 0


def _ids(parts: Iterable[NDArray[Any]]) -> list[int]:
    """Labels that there are, in rising order."""
    found: set[int] = set()
    for part in parts:
        found.update(np.unique(part).tolist())
    return sorted(found - {0})
