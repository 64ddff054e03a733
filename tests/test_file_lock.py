from __future__ import annotations

import errno

import pytest

from napari_samara import file_lock as lock


def test_a_second_holder_is_refused_and_the_next_is_not(tmp_path):
    path = tmp_path / "a.lock"
    with lock.locked(path), pytest.raises(lock.FileBusyError), lock.locked(path):
        pytest.fail("locked twice")
    with lock.locked(path):
        pass


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def no_locks(_: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(lock, "_acquire", no_locks)
    entered = False
    with lock.locked(tmp_path / "a.lock"):
        entered = True
    assert entered
