from __future__ import annotations

import errno
import sys

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


def test_left_behind_or_removed(tmp_path):
    path = tmp_path / "a.lock"
    with lock.locked(path):
        pass
    assert path.exists()
    again = lock.locked(path, remove=True)
    with lock.locked(path, remove=True), pytest.raises(lock.FileBusyError), again:
        pytest.fail("locked twice")
    assert not path.exists()
    with pytest.raises(ValueError, match="within"), lock.locked(path, remove=True):
        raise ValueError("within")
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_file_that_was_removed_while_it_was_waited_for(tmp_path, monkeypatch):
    """Who opened it before its holder removed it locks a new one, which others find."""
    path, acquire, opened = tmp_path / "a.lock", lock._acquire, []

    def removed_meanwhile(descriptor):
        if not opened:
            path.unlink()
        opened.append(descriptor)
        acquire(descriptor)

    monkeypatch.setattr(lock, "_acquire", removed_meanwhile)
    with lock.locked(path, remove=True):
        assert len(opened) == 2
        assert path.exists()
        with pytest.raises(lock.FileBusyError), lock.locked(path):
            pytest.fail("locked twice")
    assert not path.exists()


def test_where_an_open_file_cannot_be_removed_it_goes_when_it_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "OPEN_STAYS", True)
    path = tmp_path / "a.lock"
    with lock.locked(path, remove=True):
        assert path.exists()
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_lock_file_that_cannot_be_removed_is_let_go_all_the_same(tmp_path):
    path = tmp_path / "in" / "a.lock"
    path.parent.mkdir()
    with lock.locked(path, remove=True):
        path.unlink()
        path.parent.rmdir()
    path.parent.mkdir()
    with lock.locked(path, remove=True):
        assert path.exists()
    assert not path.exists()
