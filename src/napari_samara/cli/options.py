"""Options that all commands share, and options made of the fields of settings."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from napari_samara import api

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor
    from napari_samara.settings import Settings

    S = TypeVar("S", bound=Settings)
    Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - has no other name

VOLUME_HELP = "TIFF, NPY or NIfTI file, OME-Zarr or zarr folder, DICOM file or folder"
"""What volumes are read from."""

_TYPES: dict[Any, Any] = {"int": int, "float": float, "str": str}


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of one command.
    """
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--checkpoint",
        metavar="NAME",
        help=f"name, file, folder or hub id (default: {api.DEFAULT_CHECKPOINT})",
    )
    group.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)"
    )
    group.add_argument(
        "--precision",
        default="auto",
        help="number format of the image encoder: auto, float32, float16 or bfloat16",
    )
    group.add_argument("--json", action="store_true", help="report for programs on standard output")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")


def predictor_of(args: argparse.Namespace) -> Predictor:
    """Load what ``--checkpoint``, ``--device`` and ``--precision`` ask for.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed options.

    Returns
    -------
    Predictor
        A download shows its progress on standard error.

    Raises
    ------
    SamaraError
        As `api.load` does.
    """
    from napari_samara.checkpoints.transfer import Reporter
    from napari_samara.cli.report import Progress

    progress = Progress("download", unit=1_000_000, unit_name="MB")
    return api.load(
        args.checkpoint or api.DEFAULT_CHECKPOINT, args.device, args.precision, Reporter(progress)
    )


def add_settings(parser: argparse.ArgumentParser, *kinds: type[Settings]) -> None:
    """Add one option for each field of settings classes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of one command.
    *kinds : type
        Subclasses of `Settings`; their limits are checked when the settings are made.
    """
    for kind in kinds:
        group = parser.add_argument_group(kind.__name__.removesuffix("Settings").lower())
        for item in fields(kind):
            text = f"{item.metadata['help']} (default: {item.default})".replace("%", "%%")
            option: dict[str, Any] = {"default": item.default, "help": text}
            if item.type == "bool":
                option |= {"action": argparse.BooleanOptionalAction}
            else:
                option |= {"type": _TYPES[item.type], "choices": item.metadata["choices"]}
                option |= {"metavar": None if item.metadata["choices"] else "N"}
            group.add_argument(f"--{item.name.replace('_', '-')}", **option)


def settings_from(args: argparse.Namespace, kind: type[S]) -> S:
    """Make settings of parsed options.

    Parameters
    ----------
    args : argparse.Namespace
        With the options of `add_settings`.
    kind : type
        Subclass of `Settings`.

    Returns
    -------
    Settings
        Of that class.

    Raises
    ------
    SettingsError
        If a value is out of its range.
    """
    return kind.from_dict({item.name: getattr(args, item.name) for item in fields(kind)})


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers of an option such as ``0,2``.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    tuple of int
        In this order.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of whole numbers like 0,1,2 (letters go with --file-axes)"
        ) from None
