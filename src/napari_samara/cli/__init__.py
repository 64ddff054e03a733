"""The command `napari-samara`: one module a subcommand, each parses and calls the API."""

from __future__ import annotations

from napari_samara.cli.program import main

__all__ = ["main"]
