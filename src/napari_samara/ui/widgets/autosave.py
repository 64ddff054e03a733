"""Where annotations are saved: one line, and what can be changed about it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_samara.ui import autosave
from napari_samara.ui.autosave import Opened, Outlook
from napari_samara.ui.keeping import Keeping, Subject
from napari_samara.ui.on_disk import delete_store, nearest, store_size
from napari_samara.ui.preferences import Preferences
from napari_samara.ui.widgets.elided import ElidedLabel
from napari_samara.ui.widgets.resume_panel import ResumePanel
from napari_samara.ui.widgets.unsaved import UnsavedWarning
from napari_samara.ui.workers import MainThread, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.errors import SamaraError
    from napari_samara.session import Status
    from napari_samara.session.journal import Journal

_OFF = "autosave is off."
_EMBEDDINGS = "Keep embeddings"


class AutosaveForm(QWidget):
    """Chooses where the annotation of an image is kept, and says where it is.

    `panel` and `warning` belong to it and are placed by the dock, where they are seen.
    """

    moved = Signal(object)
    """Journal that the running annotation is to be saved in from now on, or None for none."""

    said = Signal(str)
    """A line for the user."""

    def __init__(self) -> None:
        super().__init__()
        self.autosave, self.embeddings = QCheckBox("Autosave"), QCheckBox(_EMBEDDINGS)
        self.path = ElidedLabel()
        self.open, self.change = QPushButton("Open"), QPushButton("Move…")
        self.clear = QPushButton("Clear")
        self.panel, self.warning = ResumePanel(), UnsavedWarning()
        self.preferences = Preferences()
        self._main = MainThread(self)
        self._tasks: dict[str, Task] = {}
        self._subject: Subject | None = None
        self._folder: Path | None = None
        self._running = self._encoding = False
        self._go: Callable[[Keeping], object] = lambda _: None
        self._build()
        self._run("preferences", Preferences.load, self._on_preferences)

    def prepare(self, subject: Subject, go: Callable[[Keeping], object]) -> None:
        """Find out how an annotation that begins is kept; the user may be asked.

        Parameters
        ----------
        subject : Subject
            The image.
        go : callable
            Called with the `Keeping`, later, in the main thread.
        """
        self.panel.hide()
        self._subject, self._go = subject, go
        if not self.preferences.autosave:
            self._set_out(Opened(Keeping(), _OFF))
            return
        work = partial(autosave.look, subject, self.preferences.folder)
        self._run("begin", work, self._on_outlook)

    def show_running(self, folder: Path | None, subject: Subject | None) -> None:
        """Show whether an annotation is open.

        Parameters
        ----------
        folder : Path or None
            Where it is saved.
        subject : Subject or None
            Its image; None where none is open.
        """
        self._running, self._folder = subject is not None, folder
        self._subject = subject
        self.panel.hide()
        if folder is not None or subject is None:
            self.warn("")
        elif not self.warning.text():
            self.warn("it was begun without a folder.")
        self._show_path()
        self.refresh_size()

    def warn(self, problem: str) -> None:
        """Say for as long as it lasts that nothing is saved.

        Parameters
        ----------
        problem : str
            Why; "" where all is saved.
        """
        self.warning.show_problem(problem, chosen=problem == _OFF)

    def follow(self, status: Status) -> None:
        """Look at the size of the store again once a plane was encoded.

        Parameters
        ----------
        status : Status
            Of the session.
        """
        if status.state == "idle" and self._encoding:
            self.refresh_size()
        self._encoding = status.state == "encoding" or (self._encoding and status.state != "idle")

    def refresh_size(self) -> None:
        """Show how large the embeddings on the disk are."""
        if (store := self._store_folder()) is None:
            self._on_size(0)
        else:
            self._run("size", partial(store_size, store), self._on_size)

    def _build(self) -> None:
        """Put the parts below each other, and listen."""
        for part in (self.panel, self.warning):
            part.setParent(self)  # until the dock places them
        self.autosave.setToolTip("Every accepted object is on the disk before it counts.")
        self.embeddings.setToolTip(
            "Planes that were encoded are kept on the disk, so that they need not be encoded at "
            "the next start."
        )
        self.open.setToolTip("Show the folder.")
        self.change.setToolTip("Choose the folder that annotations are saved below.")
        self.clear.setToolTip("Delete the embeddings of this image; they can be made again.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        rows: tuple[tuple[QWidget, ...], ...] = (
            (self.autosave, self.path),
            (self.embeddings,),
            (self.open, self.change, self.clear),
        )
        for widgets in rows:
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget, int(not isinstance(widget, QCheckBox)))
            layout.addLayout(row)
        for button in (self.open, self.change, self.clear):
            button.setMinimumWidth(1)
        self.warn("")
        self._show_preferences()
        self.autosave.clicked.connect(self._on_autosave)
        self.embeddings.clicked.connect(self._on_embeddings)
        self.open.clicked.connect(self._on_open)
        self.change.clicked.connect(self._on_change)
        self.clear.clicked.connect(self._on_clear)
        self.panel.resumed.connect(self._on_resume)
        self.panel.begun_anew.connect(self._on_anew)

    def _run(
        self,
        name: str,
        work: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[Exception], object] | None = None,
    ) -> None:
        """Do something away from the main thread; a newer one of that name replaces it."""
        if name in self._tasks:
            self._tasks[name].cancel()
        self._tasks[name] = Task(work, self._main, done, failed or self._on_failed)

    def _on_failed(self, error: Exception) -> None:
        self.said.emit(str(error))

    # Beginning

    def _on_outlook(self, outlook: Outlook) -> None:
        """Ask, or begin where there is nothing to ask."""
        self.said.emit(" ".join(outlook.notes))
        if outlook.found and self._subject is not None:
            self.panel.ask(self._subject.name, outlook.found)
        else:
            self._on_anew()

    def _on_anew(self) -> None:
        """Begin in a folder of its own."""
        if self._subject is not None:
            self._run("begin", self._anew(self._subject), self._set_out, self._on_refused)

    def _on_resume(self, found: autosave.Found) -> None:
        """Go on with what was found."""
        if self._subject is not None:
            kept = self.preferences.embeddings
            work = partial(autosave.resume, self._subject, found, kept)
            self._run("begin", work, self._set_out, self._on_refused)

    def _on_refused(self, error: SamaraError | Exception) -> None:
        """Begin anew where what was found cannot be gone on with."""
        self.said.emit(f"It cannot be resumed and is left as it is: {error}")
        self._on_anew()

    def _set_out(self, opened: Opened) -> None:
        """Begin."""
        self.warn(opened.problem)
        if opened.notes:
            self.said.emit(" ".join(opened.notes))
        self._go(opened.keeping)

    def _anew(self, subject: Subject) -> Callable[[], Opened]:
        kept = self.preferences.embeddings
        return partial(autosave.anew, subject, self.preferences.folder, kept)

    # Choices

    def _on_preferences(self, found: Preferences) -> None:
        self.preferences = found
        self._show_preferences()

    def _prefer(self, **changes: Any) -> None:
        """Take over a choice and keep it for the next start."""
        self.preferences = replace(self.preferences, **changes)
        self._show_preferences()
        self._run("store", self.preferences.store, lambda _: None)

    def _show_preferences(self) -> None:
        self.autosave.setChecked(self.preferences.autosave)
        self.embeddings.setChecked(self.preferences.embeddings)
        self._show_path()

    def _on_autosave(self, wanted: bool) -> None:
        self._prefer(autosave=wanted)
        if self._running:
            self._move()

    def _on_embeddings(self, wanted: bool) -> None:
        self._prefer(embeddings=wanted)

    def _on_change(self) -> None:
        """Choose another folder; a running annotation goes there with all it has."""
        root = QFileDialog.getExistingDirectory(
            self, "Folder for annotations", str(self.preferences.folder)
        )
        if root:
            self._prefer(root=root, autosave=True)
            if self._running:
                self._move()

    def _move(self) -> None:
        """Save the running annotation elsewhere, or not at all."""
        if not self.preferences.autosave:
            self._on_moved(Opened(Keeping(), _OFF))
        elif self._subject is not None:
            self._run("begin", self._anew(self._subject), self._on_moved)

    def _on_moved(self, opened: Opened) -> None:
        journal: Journal | Any = opened.keeping.journal
        if opened.problem and opened.problem != _OFF:
            self.warn(opened.problem)  # where it was saved it still is
            return
        if self._running:
            self.moved.emit(journal)
            self.show_running(opened.keeping.folder, self._subject)
            self.warn(opened.problem)
        else:
            opened.keeping.close()

    # What is on the disk

    def _show_path(self) -> None:
        folder = self._folder if self._running else self.preferences.folder
        self.path.show_text(str(folder) if folder is not None else "")
        self.open.setEnabled(folder is not None)

    def _store_folder(self) -> Path | None:
        return self._folder.parent / autosave.STORE_FOLDER if self._folder is not None else None

    def _on_open(self) -> None:
        """Show the folder in the file manager of the system."""
        self._run("open", partial(nearest, Path(self.path.full)), _show_folder)

    def _on_clear(self) -> None:
        if (store := self._store_folder()) is not None:
            self._run("clear", partial(delete_store, store), lambda _: self.refresh_size())

    def _on_size(self, size: int) -> None:
        self.embeddings.setText(f"{_EMBEDDINGS} ({size / 1e6:.0f} MB)" if size else _EMBEDDINGS)
        self.clear.setEnabled(size > 0)


def _show_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
