"""`napari-samara store`: what a store of embeddings holds, whether it is whole, and less of it."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara import api
from napari_samara.cli.options import add_common
from napari_samara.cli.report import Progress, emit, table
from napari_samara.errors import SettingsError, StoreError
from napari_samara.store import PruneRule, ZarrStore, damaged_entries, prune

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.cli.options import Subparsers
    from napari_samara.store import Entry

_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_DAY = 24 * 3600.0

# Digits of a sha256 that are shown.
_SHOWN = 12


def register(subparsers: Subparsers) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    subparsers : object
        As `ArgumentParser.add_subparsers` returns it.
    """
    parser = subparsers.add_parser(
        "store",
        help="list, check and clear stores of embeddings",
        description="Stores of embeddings, which `embed` and autosave write.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    verbs: tuple[tuple[str, str, Callable[[argparse.Namespace], int]], ...] = (
        ("info", "entries, bytes, checkpoints and planes", run_info),
        ("verify", "read every entry and compare it with its checksums", run_verify),
        ("prune", "remove entries by checkpoint, age, size or damage", run_prune),
    )
    for name, text, run in verbs:
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("store", metavar="STORE", type=Path, help="folder of the store")
        if name == "prune":
            _add_rules(action)
        add_common(action)
        action.set_defaults(run=run)


def run_info(args: argparse.Namespace) -> int:
    """Print what a store holds.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options; with ``--checkpoint`` only entries of that one.

    Returns
    -------
    int
        0.

    Raises
    ------
    StoreError
        If there is no store.
    """
    entries = list(_opened(args.store).entries())
    wanted = _sha256(args.checkpoint) if args.checkpoint else ""
    chosen = [entry for entry in entries if entry.key is None or _of(entry).startswith(wanted)]
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in chosen:
        groups.setdefault((_of(entry), _axes(entry), _contrast(entry)), []).append(entry)
    names = {info.sha256: info.name for info in api.list_checkpoints() if info.sha256}
    found = [_group(key, group, names) for key, group in sorted(groups.items())]
    size = sum(entry.nbytes for entry in chosen)
    report = {
        "store": str(args.store),
        "entries": len(chosen),
        "bytes": size,
        "groups": found,
    }
    rows = [
        (
            group["name"] or group["checkpoint"][:_SHOWN],
            group["planes"],
            group["contrast"],
            group["entries"],
            group["range"],
            _size(group["bytes"]),
        )
        for group in found
    ]
    header = ("checkpoint", "planes", "contrast", "entries", "slices", "size")
    total = f"{len(chosen)} entries, {_size(size)}"
    emit(args.json, report, f"{table(header, rows)}\n\n{total}" if rows else total)
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Read every entry.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options.

    Returns
    -------
    int
        1 where an entry is damaged, else 0.

    Raises
    ------
    StoreError
        If there is no store.
    """
    store = _opened(args.store)
    wrong = damaged_entries(store, Progress("entries"))
    count = len(store.folders())
    lines = [f"{name}: {why}" for name, why in wrong.items()]
    lines.append(
        f"{len(wrong)} of {count} entries are damaged; they are encoded again when they are "
        f"needed, and napari-samara store prune {args.store} --damaged removes them"
        if wrong
        else f"{count} entries, all whole"
    )
    report = {"store": str(args.store), "entries": count, "damaged": wrong}
    emit(args.json, report, "\n".join(lines))
    return 1 if wrong else 0


def run_prune(args: argparse.Namespace) -> int:
    """Remove entries.

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
    StoreError
        If there is no store, or it must not be written to.
    SettingsError
        If no rule is given, or one means nothing.
    """
    store = _opened(args.store)
    if not (args.checkpoint or args.damaged) and args.older_than is args.max_size is None:
        raise SettingsError("say what goes: --checkpoint, --older-than, --max-size or --damaged")
    older = None if args.older_than is None else args.older_than * _DAY
    checkpoint = _sha256(args.checkpoint) if args.checkpoint else ""
    rule = PruneRule(checkpoint, older, args.max_size, args.damaged)
    going = prune(store, rule, args.dry_run, Progress("entries"))
    freed = sum(entry.nbytes for entry, _ in going.values())
    report = {
        "store": str(args.store),
        "dry_run": args.dry_run,
        "bytes": freed,
        "removed": {name: why for name, (_, why) in going.items()},
    }
    lines = [f"{name}: {why}" for name, (_, why) in going.items()]
    done = "would be removed" if args.dry_run else "removed"
    lines.append(f"{len(going)} entries, {_size(freed)}, {done}")
    emit(args.json, report, "\n".join(lines))
    return 0


def _add_rules(parser: argparse.ArgumentParser) -> None:
    rules = parser.add_argument_group("what goes: whatever one of these names")
    rules.add_argument(
        "--older-than", metavar="DAYS", type=_days, help="entries written longer ago"
    )
    rules.add_argument(
        "--max-size", metavar="SIZE", type=_bytes, help="the oldest above it, such as 20G or 500M"
    )
    rules.add_argument("--damaged", action="store_true", help="entries that cannot be read")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")


def _opened(path: Path) -> ZarrStore:
    if not path.is_dir():
        raise StoreError(f"there is no store {path}")
    return ZarrStore(path)


def _sha256(name: str) -> str:
    """Digest of a checkpoint that is here by name or path, or the digits themselves."""
    digits = name.lower()
    if 6 <= len(digits) <= 64 and all(digit in "0123456789abcdef" for digit in digits):
        return digits
    known = {info.name: info.sha256 for info in api.list_checkpoints()}
    if name in known:
        if not known[name]:
            raise SettingsError(
                f"no digest is known of {name}: give the first digits of its sha256"
            )
        return str(known[name])
    checkpoint = api.load(name).checkpoint  # a file or a folder
    return checkpoint.sha256 if checkpoint is not None else ""


def _of(entry: Entry) -> str:
    return entry.key.checkpoint if entry.key is not None else ""


def _axes(entry: Entry) -> str:
    """Which planes, without their index on the axis one scrolls along."""
    if entry.key is None:
        return "damaged"
    plane = entry.key.plane_dict()
    if not plane:
        return "2D"
    fixed = {int(axis): index for axis, index in plane["fixed"].items()}
    rest = [f"{axis}={index}" for axis, index in sorted(fixed.items())[:-1]]
    shown = "{},{}".format(*plane["displayed"])
    return f"{shown} at {' '.join(rest)}" if rest else shown


def _index(entry: Entry) -> int | None:
    plane = entry.key.plane_dict() if entry.key is not None else {}
    fixed = {int(axis): index for axis, index in plane.get("fixed", {}).items()}
    return int(fixed[max(fixed)]) if fixed else None


def _contrast(entry: Entry) -> str:
    contrast = entry.key.intensity_dict() if entry.key is not None else {}
    limits = contrast.get("limits")
    policy = str(contrast.get("policy", ""))
    return f"{policy} {limits}" if limits else policy


def _group(
    key: tuple[str, str, str], entries: list[Entry], names: dict[str, str]
) -> dict[str, Any]:
    numbers = sorted(index for entry in entries if (index := _index(entry)) is not None)
    return {
        "checkpoint": key[0],
        "name": names.get(key[0]),
        "planes": key[1],
        "contrast": key[2],
        "entries": len(entries),
        "range": f"{numbers[0]}-{numbers[-1]}" if numbers else "",
        "bytes": sum(entry.nbytes for entry in entries),
    }


def _size(count: float) -> str:
    for unit, factor in reversed(_UNITS.items()):
        if count >= factor:
            return f"{count / factor:.1f} {unit}B"
    return f"{count:.0f} B"


def _bytes(text: str) -> int:
    unit = text.upper().removesuffix("B")[-1:]
    number = text.upper().removesuffix("B").removesuffix(unit if unit in _UNITS else "")
    return int(_number(number, text) * _UNITS.get(unit, 1.0))


def _days(text: str) -> float:
    return _number(text, text)


def _number(part: str, text: str) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount such as 20, 1.5G or 500M")
    return value
