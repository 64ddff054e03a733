"""Annotation without a viewer: a session and what it is made of."""

from __future__ import annotations

from napari_samara.session.candidates import Candidate
from napari_samara.session.edits import LabelEdit
from napari_samara.session.events import SessionEvents, Status
from napari_samara.session.jobs import InlineRunner, JobRunner
from napari_samara.session.journal import recover
from napari_samara.session.objects import ObjectRecord
from napari_samara.session.record import SavedSession, read_session, replay
from napari_samara.session.session import Session
from napari_samara.session.thread_runner import ThreadRunner

__all__ = [
    "Candidate",
    "InlineRunner",
    "JobRunner",
    "LabelEdit",
    "ObjectRecord",
    "SavedSession",
    "Session",
    "SessionEvents",
    "Status",
    "ThreadRunner",
    "read_session",
    "recover",
    "replay",
]
