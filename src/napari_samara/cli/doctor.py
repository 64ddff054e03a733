"""`napari-samara doctor`: what is installed, what would run where, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from napari_samara.cli import checks
from napari_samara.cli.options import add_common
from napari_samara.cli.report import emit

if TYPE_CHECKING:
    import argparse

    from napari_samara.cli.options import Subparsers

_MARKS = {True: "ok  ", False: "FAIL", None: "    "}


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "doctor",
        help="say what is installed, which device is used and whether the model runs",
        description="Versions, device, folders and a self-test. Exit status 1 if something that "
        "is needed is missing or broken.",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make all checks and print them.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options.

    Returns
    -------
    int
        1 if a check failed, else 0.
    """
    found = checks.all_checks(args.checkpoint, args.device, args.precision)
    width = max(len(check.name) for check in found)
    lines = []
    for check in found:
        lines.append(f"{_MARKS[check.ok]} {check.name.ljust(width)}  {check.value}")
        if check.fix:
            lines.append(f"     {' ' * width}  -> {check.fix}")
    failed = any(check.ok is False for check in found)
    report = {"ok": not failed, "checks": [asdict(check) for check in found]}
    emit(args.json, report, "\n".join(lines))
    return int(failed)
