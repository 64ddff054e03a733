"""What the user chose in the dock for saving, kept across starts in a small file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_samara.errors import OutputError
from napari_samara.output import whole_file

AUTOSAVE_VARIABLE = "SAMARA_AUTOSAVE"
"""Environment variable that says where annotations are saved."""

CONFIG_VARIABLE = "SAMARA_CONFIG"
"""Environment variable that moves the folder of the settings."""

_FOLDER, _FILE = "napari-samara", "autosave.json"


@dataclass(frozen=True)
class Preferences:
    """How annotations are saved.

    Attributes
    ----------
    root : str or None
        Folder that the user chose; None for the default.
    autosave : bool
        Whether annotations are saved while they are made.
    embeddings : bool
        Whether embeddings are kept on the disk.
    """

    root: str | None = None
    autosave: bool = True
    embeddings: bool = True

    @property
    def folder(self) -> Path:
        """Folder below which every image gets its own."""
        if self.root:
            return Path(self.root).expanduser()
        chosen = os.environ.get(AUTOSAVE_VARIABLE)
        return Path(chosen).expanduser().absolute() if chosen else Path.home() / _FOLDER

    @classmethod
    def load(cls) -> Preferences:
        """Preferences as they were stored last.

        Returns
        -------
        Preferences
            The defaults where there are none or they cannot be read.  ``$SAMARA_AUTOSAVE`` comes
            before a folder that was chosen at an earlier start.
        """
        try:
            found = json.loads((config_dir() / _FILE).read_text(encoding="utf-8"))
            root = found.get("root")
            given = os.environ.get(AUTOSAVE_VARIABLE)
            return cls(
                str(root) if root and not given else None,
                found.get("autosave") is not False,
                found.get("embeddings") is not False,
            )
        except (OSError, ValueError, AttributeError):
            return cls()

    def store(self) -> None:
        """Write them for the next start; where that fails they hold for this one."""
        path = config_dir() / _FILE
        with contextlib.suppress(OSError, OutputError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part:
                part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def config_dir() -> Path:
    """Return the folder for settings of this plugin.

    Returns
    -------
    Path
        ``$SAMARA_CONFIG`` where it is set, else the one of the platform: ``$APPDATA`` on Windows,
        ``~/Library/Application Support`` on macOS, ``$XDG_CONFIG_HOME`` or ``~/.config``
        elsewhere, each with ``napari-samara`` below it.  It may not exist yet.
    """
    chosen = os.environ.get(CONFIG_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return base / _FOLDER
