"""Downloads from a local server: resumed, checked, cancelled, refused."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import namedtuple

import pytest
from tests.checkpoints.range_server import serving

from napari_samara.checkpoints import transfer
from napari_samara.checkpoints.download import download
from napari_samara.checkpoints.transfer import Reporter, Source
from napari_samara.errors import CancelledError, ChecksumError, DownloadError, OfflineError
from napari_samara.file_lock import locked

CONTENT = os.urandom(700_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(transfer, "_PAUSE_S", 0.0)
    monkeypatch.setattr(transfer, "_BLOCK", 1 << 16)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serving() as behaviour:
        behaviour.content = CONTENT
        yield behaviour


def source(server, **known) -> Source:
    return Source(server.url, "w.pth", **{"size": len(CONTENT), "sha256": SHA} | known)


def leftovers(folder):
    return {p.name for p in folder.iterdir()} - {"w.pth.lock"}


def test_a_plain_download(server, tmp_path):
    told = []
    path = download(
        source(server), tmp_path / "new" / "folder", Reporter(lambda *a: told.append(a))
    )
    assert path.read_bytes() == CONTENT
    assert leftovers(path.parent) == {"w.pth"}
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [a for a, _ in told] == sorted(a for a, _ in told)


@pytest.mark.parametrize("known", [{}, {"sha256": None, "size": None}])
def test_broken_connections_are_resumed(server, tmp_path, known):
    server.cuts = [200_000, 300_000]
    assert download(source(server, **known), tmp_path).read_bytes() == CONTENT
    assert [r.get("Range") for r in server.requests] == [None, "bytes=200000-", "bytes=500000-"]
    assert server.requests[1]["If-Range"] == '"one"'


def test_a_later_call_resumes(server, tmp_path):
    server.cuts = [100_000] * 4
    with pytest.raises(DownloadError, match="broke off 4 times"):
        download(source(server), tmp_path)
    assert leftovers(tmp_path) == {"w.pth.part", "w.pth.part.json"}
    server.requests.clear()
    assert download(source(server), tmp_path).read_bytes() == CONTENT
    assert server.requests[0]["Range"] == "bytes=400000-"


def test_a_file_that_changed_on_the_server_is_begun_again(server, tmp_path):
    server.cuts = [100_000] * 4
    with pytest.raises(DownloadError):
        download(source(server), tmp_path)
    server.etag = '"two"'
    server.content = other = os.urandom(len(CONTENT))
    path = download(source(server, sha256=None), tmp_path)
    assert path.read_bytes() == other


def test_a_file_that_became_shorter_is_begun_again(server, tmp_path):
    server.cuts = [400_000] + [0] * 3
    with pytest.raises(DownloadError):
        download(source(server), tmp_path)
    server.content = CONTENT[:300_000]  # same ETag: a careless server
    path = download(source(server, size=None, sha256=None), tmp_path)
    assert path.read_bytes() == CONTENT[:300_000]


@pytest.mark.parametrize(
    "manner",
    [
        {"ranges": False},
        {"etag": None},
        {"etag": 'W/"weak"'},
        {"etag": None, "modified": "Mon, 01 Jan 2024 00:00:00 GMT"},
        {"wrong_range": True},
    ],
)
def test_servers_of_all_manners(server, tmp_path, manner):
    for name, value in manner.items():
        setattr(server, name, value)
    server.cuts = [250_000]
    assert download(source(server), tmp_path).read_bytes() == CONTENT


def test_a_server_that_tells_no_length(server, tmp_path):
    server.length = False
    assert download(source(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "known", "message"),
    [
        (b"<html>log in</html>", {}, "login page"),
        (bytes(len(CONTENT)), {}, "sha256"),
        (bytes(len(CONTENT)), {"sha256": None, "md5": "0" * 32}, "md5"),
        (b"<html>log in</html>", {"size": None}, "sha256"),
    ],
)
def test_wrong_content_never_gets_the_name(server, tmp_path, content, known, message):
    server.content = content
    with pytest.raises(ChecksumError, match=message) as caught:
        download(source(server, **known), tmp_path)
    assert not (tmp_path / "w.pth").exists()
    assert server.url in str(caught.value)
    assert str(tmp_path / "w.pth") in str(caught.value)
    if "login page" not in message:
        assert (tmp_path / "w.pth.bad").read_bytes() == content
    server.content = CONTENT  # and the next call is not spoiled by it
    assert download(source(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404, 500])
def test_refusals_name_url_folder_and_digest(server, tmp_path, status):
    server.status = status
    with pytest.raises(DownloadError) as caught:
        download(source(server), tmp_path)
    for part in (str(status), server.url, str(tmp_path / "w.pth"), SHA):
        assert part in str(caught.value)
    assert not leftovers(tmp_path)
    assert len(server.requests) == (4 if status == 500 else 1)


def test_no_server(server, tmp_path):
    with serving() as gone:
        url = gone.url
    with pytest.raises(OfflineError, match="cannot reach"):
        download(Source(url, "w.pth"), tmp_path)


@pytest.mark.usefixtures("no_network")
def test_offline_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match="HF_HUB_OFFLINE") as caught:
        download(Source("https://example.org/w.pth", "w.pth", sha256=SHA), tmp_path / "x")
    assert SHA in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_other_addresses_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(DownloadError, match="no http or https"):
        download(Source(secret.as_uri(), "w.pth"), tmp_path)


def test_cancelled_and_resumed(server, tmp_path):
    seen = []
    reporter = Reporter(lambda done, _: seen.append(done), lambda: seen[-1] > 200_000)
    with pytest.raises(CancelledError, match="resumed"):
        download(source(server), tmp_path, reporter)
    assert not (tmp_path / "w.pth").exists()
    assert download(source(server), tmp_path).read_bytes() == CONTENT
    assert "Range" in server.requests[-1]


def test_a_disk_that_is_too_small_is_seen_before(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10, 10, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match="no space left"):
        download(source(server), tmp_path)
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fills_up_while_writing(server, tmp_path, monkeypatch, number):
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    message = "cannot write" if number == errno.EIO else "no space left"
    with pytest.raises(DownloadError, match=message):
        download(source(server), tmp_path)
    assert not (tmp_path / "w.pth").exists()
    monkeypatch.undo()
    assert download(source(server), tmp_path).read_bytes() == CONTENT


def test_a_folder_that_is_a_file(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot write"):
        download(source(server), tmp_path / "file")


def test_two_at_once(server, tmp_path):
    with locked(tmp_path / "w.pth.lock"), pytest.raises(DownloadError, match="another process"):
        download(source(server), tmp_path)
    (tmp_path / "w.pth").write_bytes(b"by the other")
    assert download(source(server), tmp_path).read_bytes() == b"by the other"
    assert not server.requests
