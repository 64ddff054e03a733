"""Where annotations are saved, what can be resumed, and where a new one begins; no Qt.

Below the root every image has a folder, named by the image and by a digest of where it came from,
its shape and its type.  In it each annotation has a folder of its own, ``session-1``,
``session-2``, ..., and all share ``embeddings.zarr``.  Nothing here overwrites or deletes what
an annotation has left.

All functions read the disk: a window calls them in a thread.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from napari_samara.errors import FileFormatError, ImageError, OutputError, SessionError, StoreError
from napari_samara.session.journal import JOURNAL_FILE, SESSION_FILE, Journal, recover
from napari_samara.session.restored import Restored, check_image
from napari_samara.session.stores import embedding_store
from napari_samara.session.thread_runner import let_them_leave
from napari_samara.ui.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_samara.session import SavedSession
    from napari_samara.store import EmbeddingStore
    from napari_samara.ui.keeping import Subject

STORE_FOLDER = "embeddings.zarr"
"""Name of the store of an image, in the folder of the image."""

_SESSION = re.compile(r"session-(\d+)")


@dataclass(frozen=True, eq=False)
class Found:
    """An annotation that can be gone on with.

    Attributes
    ----------
    folder : Path
        Where it is.
    objects, prompts : int
        How many it had when it was looked at; prompts that were not accepted yet.
    changed : datetime
        When it was written to last, in the time of this place.
    """

    folder: Path
    objects: int
    prompts: int
    changed: datetime

    @classmethod
    def of(cls, folder: Path, saved: SavedSession) -> Found:
        """Return what a folder was found to hold."""
        return cls(folder, len(saved.objects()), saved.held.prompts, _changed(folder))

    @property
    def title(self) -> str:
        """What it holds, for the user."""
        parts = [_counted(self.objects, "object")] if self.objects or not self.prompts else []
        parts += [_counted(self.prompts, "prompt")] if self.prompts else []
        return f"{' and '.join(parts)} from {self.changed:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, eq=False)
class Outlook:
    """What there is of an image.

    Attributes
    ----------
    found : tuple of Found
        Annotations of this image that nobody has open, the last one first.
    notes : tuple of str
        Why others are left alone, for the user.
    """

    found: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Opened:
    """How the annotation that begins now is kept.

    Attributes
    ----------
    keeping : Keeping
        For the annotation.
    problem : str
        Why it is not saved; "" where it is.
    notes : tuple of str
        What else the user should know.
    """

    keeping: Keeping
    problem: str = ""
    notes: tuple[str, ...] = ()


def look(subject: Subject, root: Path) -> Outlook:
    """See what there is of an image.

    Parameters
    ----------
    subject : Subject
        The image.
    root : Path
        Where annotations are saved.

    Returns
    -------
    Outlook
        Empty where the folder cannot be read.
    """
    let_them_leave(writers=True)  # the annotation that was just closed may still be writing
    found, notes = [], []
    for folder in _sessions(subject.home(root)):
        try:
            saved = _recovered(folder)
            if saved is not None:
                check_image(saved, subject.data, subject.rgb)
                found.append(Found.of(folder, saved))
        except SessionError:
            notes.append(f"{folder.name} is open in another window.")
        except ImageError:
            notes.append(f"{folder.name} was made on other pixels and is left as it is.")
        except (FileFormatError, OSError, KeyError, TypeError) as error:
            notes.append(f"{folder.name} is damaged and left as it is: {error}")
    found.sort(key=lambda one: one.changed, reverse=True)
    return Outlook(tuple(found), tuple(notes))


def anew(subject: Subject, root: Path, embeddings: bool = True) -> Opened:
    """Begin in the next folder that holds nothing.

    Parameters
    ----------
    subject : Subject
        The image.
    root : Path
        Where annotations are saved; made if it is not there.
    embeddings : bool
        Whether they are kept on the disk.

    Returns
    -------
    Opened
        Without a journal, and with the reason, where the root cannot be written to.
    """
    let_them_leave(writers=True)
    home = subject.home(root)
    for number in itertools.count(1):
        try:
            journal = Journal(home / f"session-{number}")
        except SessionError:
            continue
        except OutputError as error:
            return Opened(Keeping(store=_store(home, embeddings)), str(error))
        if _free(journal.folder):
            return Opened(Keeping(journal, store=_store(home, embeddings)))
        journal.close()
    raise AssertionError("numbers do not end")


def resume(subject: Subject, found: Found, embeddings: bool = True) -> Opened:
    """Go on with an annotation, as it is on the disk now.

    Parameters
    ----------
    subject : Subject
        The image.
    found : Found
        One of `Outlook.found`.
    embeddings : bool
        Whether they are kept on the disk.

    Returns
    -------
    Opened
        Without a journal, and with the reason, where the folder cannot be written to.

    Raises
    ------
    SessionError
        If it is open in another window, or gone, by now.
    FileFormatError, ImageError
        If it cannot be read or does not fit the image any more.
    """
    store = _store(found.folder.parent, embeddings)
    journal, problem = None, ""
    try:
        journal = Journal(found.folder)
    except OutputError as error:
        problem = str(error)
    try:
        saved = recover(found.folder)
        if saved is None:
            raise SessionError(f"{found.folder} holds nothing to go on with any more")
        restored, note = Restored.in_place(saved, subject.data, subject.rgb)
    except BaseException:
        if journal is not None:
            journal.close()
        raise
    return Opened(Keeping(journal, restored, store), problem, (note,) if note else ())


def _sessions(home: Path) -> Iterator[Path]:
    """Folders of annotations by number."""
    numbered = []
    with contextlib.suppress(OSError):
        for path in home.iterdir():
            matched = _SESSION.fullmatch(path.name)
            if matched and path.is_dir():
                numbered.append((int(matched[1]), path))
    yield from (path for _, path in sorted(numbered))


def _recovered(folder: Path) -> SavedSession | None:
    """Return what a folder holds, or raise SessionError where somebody writes to it."""
    try:
        journal = Journal(folder)
    except OutputError:
        return recover(folder)  # it may still be read
    try:
        return recover(folder)
    finally:
        journal.close()


def _free(folder: Path) -> bool:
    """Whether a folder holds nothing, not even something that cannot be read."""
    if (folder / JOURNAL_FILE).exists() and not (folder / SESSION_FILE).exists():
        return False
    try:
        return recover(folder) is None
    except (FileFormatError, OSError):
        return False


def _changed(folder: Path) -> datetime:
    times = [0.0]
    for name in (SESSION_FILE, JOURNAL_FILE):
        with contextlib.suppress(OSError):
            times.append((folder / name).stat().st_mtime)
    return datetime.fromtimestamp(max(times))


def _store(home: Path, wanted: bool) -> EmbeddingStore | None:
    """Store of an image; a store that cannot be used costs time only, so nothing is said."""
    with contextlib.suppress(StoreError, OSError):
        return embedding_store(home / STORE_FOLDER) if wanted else None
    return None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
