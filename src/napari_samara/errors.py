"""Every error this package raises on purpose: `SamaraError` and its children.

Each child is also the builtin it specialises, so ``except ValueError`` or ``except OSError`` keeps
working for callers who do not know this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a message shows of a long list of names before it only counts the rest.
_NAMES_SHOWN = 4


class SamaraError(Exception):
    """Base of all errors raised on purpose; its text is fit to be shown to a user."""


class ImageError(SamaraError, ValueError):
    """An image, plane or channel choice that cannot be turned into an RGB plane."""


class PromptError(SamaraError, ValueError):
    """A prompt that means nothing: outside the image, of zero size, not finite, or missing."""


class FrameError(SamaraError, ValueError):
    """A shape that does not fit the frame between image and model input."""


class ConfigError(SamaraError, ValueError):
    """A model configuration that no model can be built from."""


class SettingsError(SamaraError, ValueError):
    """A setting outside its range, of the wrong type, or of an unknown name."""


class CheckpointError(SamaraError, ValueError):
    """A checkpoint that cannot be used."""


class CheckpointNotFoundError(CheckpointError, FileNotFoundError):
    """No checkpoint of that name, or no file at that path."""


class UnsafeCheckpointError(CheckpointError):
    """A checkpoint file that would run code when read, and is refused."""


class KeyMismatchError(CheckpointError):
    """Weights whose names or shapes are not those of the model.

    Parameters
    ----------
    message : str
        What was being loaded into what.  The three lists are summed up after it.
    missing : iterable of str
        Parameters of the model that the weights lack.
    unexpected : iterable of str
        Names in the weights that the model does not have.
    misshaped : iterable of str
        Names present in both with different shapes.

    Attributes
    ----------
    missing, unexpected, misshaped : tuple of str
        The full lists; the message shows only the first few of each.
    """

    def __init__(
        self,
        message: str,
        missing: Iterable[str] = (),
        unexpected: Iterable[str] = (),
        misshaped: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        self.misshaped = tuple(misshaped)

    def __str__(self) -> str:
        """Message followed by a short form of the three lists.

        Returns
        -------
        str
            One line.
        """
        parts = [str(self.args[0])]
        for title in ("missing", "unexpected", "misshaped"):
            names: tuple[str, ...] = getattr(self, title)
            if names:
                parts.append(f"{len(names)} {title}: {_shortened(names)}")
        return "; ".join(parts)


class DownloadError(SamaraError, OSError):
    """A file could not be fetched."""


class OfflineError(DownloadError, ConnectionError):
    """A file is not here and the network may not or cannot be used."""


class ChecksumError(DownloadError):
    """A fetched file is not the one the catalog names."""


class DeviceError(SamaraError, RuntimeError):
    """The device asked for is not there or cannot do what was asked."""


class OutOfMemoryError(DeviceError, MemoryError):
    """The device ran out of memory, also with the smallest batch."""


class FileFormatError(SamaraError, ValueError):
    """A file that is not what its name or its header says."""


class OutputError(SamaraError, OSError):
    """A result could not be written."""


class MissingExtraError(SamaraError, ImportError):
    """A part of the package was used whose optional dependencies are not installed."""


class StoreError(SamaraError, OSError):
    """An embedding store that cannot be opened, read or written."""


class SessionError(SamaraError, RuntimeError):
    """A step that a session cannot take as things stand: nothing to accept, no such object."""


class TrainingError(SamaraError, RuntimeError):
    """Nothing can be learned from what was given, or nothing was."""


class CancelledError(SamaraError, RuntimeError):
    """The user asked for a job to stop, and it did."""


def _shortened(names: tuple[str, ...]) -> str:
    """First few of `names`, and how many more there are."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    rest = len(names) - _NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
