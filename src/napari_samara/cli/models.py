"""`napari-samara models`: which checkpoints there are, and getting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_samara import api
from napari_samara.checkpoints import fetch_checkpoint, find_checkpoint, verify_checkpoint
from napari_samara.cli.installed import changed_files
from napari_samara.cli.options import add_common
from napari_samara.cli.report import Progress, emit, say, table
from napari_samara.errors import CheckpointNotFoundError, ChecksumError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.checkpoints import CheckpointInfo
    from napari_samara.cli.options import Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "models",
        help="list, download and check the checkpoints known by name",
        description="The checkpoints known by name.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is, and what is on this machine")
    add_common(listing)
    listing.set_defaults(run=run_list)
    verbs: tuple[tuple[str, str, Callable[[argparse.Namespace], int]], ...] = (
        ("get", "download one, if it is not here", run_get),
        ("verify", "compare the file with its sha256", run_verify),
        ("path", "print where it lies", run_path),
    )
    for name, text, run in verbs:
        action = actions.add_parser(name, help=text)
        action.add_argument("name", metavar="NAME", help="as models list shows it")
        add_common(action)
        action.set_defaults(run=run)


def run_list(args: argparse.Namespace) -> int:
    """Print the catalog; with ``--checkpoint`` only that row.

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
    CheckpointNotFoundError
        If the name is unknown.
    """
    found = [find_checkpoint(args.checkpoint)] if args.checkpoint else api.list_checkpoints()
    rows = [
        [info.name, info.family, f"{info.size_mb:g}", info.licence, _host(info), state(info)]
        for info in found
    ]
    header = ("name", "family", "MB", "licence", "source", "state")
    emit(args.json, {"checkpoints": [_entry(info) for info in found]}, table(header, rows))
    return 0


def run_get(args: argparse.Namespace) -> int:
    """Download one checkpoint.

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
    SamaraError
        If the name is unknown or the download fails.
    """
    from napari_samara.checkpoints.transfer import Reporter

    info = find_checkpoint(args.name)
    if info.path is None and info.sources:
        say(info.sources[0].by_hand(info.folder))
    progress = Progress("download", unit=1_000_000, unit_name="MB")
    path = fetch_checkpoint(args.name, Reporter(progress))
    emit(args.json, {"checkpoint": _entry(find_checkpoint(args.name))}, str(path))
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Compare one checkpoint with its digest.

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
    ChecksumError
        If the file changed.
    CheckpointNotFoundError
        If the name is unknown or it is not on this machine.
    """
    before = find_checkpoint(args.name)
    digest = verify_checkpoint(args.name)
    info = find_checkpoint(args.name)
    told = "as expected" if before.sha256 else "recorded now, and expected from now on"
    if info.path is not None and not info.sources:
        told = _as_installed(info, info.path)
    emit(args.json, {"checkpoint": _entry(info)}, f"{info.name}: sha256 {digest}, {told}")
    return 0


def run_path(args: argparse.Namespace) -> int:
    """Print where one checkpoint lies.

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
    CheckpointNotFoundError
        If the name is unknown or it is not on this machine.
    """
    info = find_checkpoint(args.name)
    if info.path is None:
        raise CheckpointNotFoundError(
            f"{info.name} is not on this machine (it would lie in {info.folder}); "
            f"napari-samara models get {info.name} downloads it"
        )
    emit(args.json, {"checkpoint": _entry(info)}, str(info.path))
    return 0


def state(info: CheckpointInfo) -> str:
    """Say whether a checkpoint is here.

    Parameters
    ----------
    info : CheckpointInfo
        One row of the catalog.

    Returns
    -------
    str
        ``shipped``, ``missing`` (should be, and is not), ``cached``, ``unverified`` (here, with
        no digest to compare) or ``not downloaded``.
    """
    if not info.sources:
        return "missing" if info.path is None else "shipped"
    if info.path is None:
        return "not downloaded"
    return "cached" if info.sha256 else "unverified"


def _as_installed(info: CheckpointInfo, folder: Path) -> str:
    """Compare a shipped checkpoint with what the installer recorded."""
    changed = changed_files(folder)
    if changed:
        raise ChecksumError(
            f"{info.name}: {', '.join(changed)} in {folder} changed since the package was "
            "installed; install it again"
        )
    return "nothing recorded to compare it with" if changed is None else "as installed"


def _host(info: CheckpointInfo) -> str:
    return info.sources[0].url.split("/")[2] if info.sources else "package"


def _entry(info: CheckpointInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "family": info.family,
        "size_mb": info.size_mb,
        "licence": info.licence,
        "sha256": info.sha256,
        "path": None if info.path is None else str(info.path),
        "state": state(info),
        "description": info.description,
        "urls": [source.url for source in info.sources],
    }
