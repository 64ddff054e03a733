"""The parser with all subcommands, and what becomes of errors."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, TextIO

from napari_samara import __version__
from napari_samara.cli import (
    auto,
    bench,
    demo,
    doctor,
    embed,
    evaluate,
    finetune,
    measure,
    models,
    propagate,
    replay,
    segment,
    store,
)
from napari_samara.errors import SamaraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUCCESS, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses; argparse itself leaves with 2."""

_COMMANDS = (
    demo,
    doctor,
    models,
    embed,
    segment,
    auto,
    propagate,
    replay,
    measure,
    evaluate,
    finetune,
    store,
    bench,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the name of the program; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 for success, 1 for an error told in one line on standard error.

    Raises
    ------
    SystemExit
        With 2 for wrong usage, with 0 for help and version.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    if "run" not in args:
        parser.print_help(sys.stderr)
        return USAGE
    run: Callable[[argparse.Namespace], int] = args.run
    # What libraries log about damaged files is in the error; without a handler it is printed.
    logging.getLogger().addHandler(quiet := logging.NullHandler())
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return run(args)
    except BrokenPipeError:  # the reader of a pipe, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # the last place to turn it into a line
        if args.debug:
            traceback.print_exc()
        print(f"napari-samara: error: {_one_line(error)}", file=sys.stderr)
        return FAILURE
    finally:
        logging.getLogger().removeHandler(quiet)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Returns
    -------
    argparse.ArgumentParser
        Each subcommand sets ``run``, a function of the parsed arguments.
    """
    parser = argparse.ArgumentParser(
        prog="napari-samara",
        description="Segment Anything for napari, without napari: images and prompts to labels.",
        epilog="napari-samara COMMAND --help lists the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"napari-samara {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.register(subparsers)
    return parser


def _one_line(error: Exception) -> str:
    """Text of an error without line breaks; what nobody foresaw says so."""
    if isinstance(error, OSError) and not isinstance(error, SamaraError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, SamaraError | OSError):
        text = str(error)
    else:
        text = f"unexpected {type(error).__name__}: {error}; --debug shows where it comes from"
    return " ".join(text.split())


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning without the place in the source, which tells users nothing."""
    del category, filename, lineno, line
    print(f"warning: {message}", file=file or sys.stderr)
