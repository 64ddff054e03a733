"""Names, digests and what happens at the first and at later uses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest
from tests.checkpoints.range_server import serving

from napari_samara.checkpoints import catalog, transfer
from napari_samara.checkpoints.catalog import (
    fetch_checkpoint,
    find_checkpoint,
    list_checkpoints,
    verify_checkpoint,
)
from napari_samara.checkpoints.entries import Entry
from napari_samara.checkpoints.transfer import Reporter, Source
from napari_samara.errors import (
    CheckpointNotFoundError,
    ChecksumError,
    DownloadError,
    OfflineError,
)

CONTENT = b"weights" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(cache, monkeypatch):
    """A local server behind the entry ``toy``, whose digest nobody publishes."""
    monkeypatch.setattr(transfer, "_PAUSE_S", 0.0)
    with serving() as behaviour:
        behaviour.content = CONTENT
        register(monkeypatch, Source(behaviour.url, "w.pth"))
        yield behaviour


def register(monkeypatch, *sources):
    entry = Entry("toy", "vit", 0.007, "MIT", "a toy", sources)
    monkeypatch.setattr(catalog, "ENTRIES", (entry,))


@pytest.mark.usefixtures("cache", "no_network")
def test_the_list_of_an_empty_cache():
    infos = list_checkpoints()
    assert [i.name for i in infos][:2] == ["samara-tiny", "sam-vit-b"]
    assert all(i.path is None for i in infos if i.sources)
    assert infos[1].sha256 == "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"


@pytest.mark.parametrize("name", ["sam-vit-b", "SAM_ViT_B"])
def test_find(name):
    assert find_checkpoint(name).name == "sam-vit-b"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(CheckpointNotFoundError, match="samara-tiny, sam-vit-b") as caught:
        find_checkpoint("sam-vit-x")
    assert "'sam-vit-x'" in str(caught.value)


def test_fetched_once_pinned_and_found_again(server, cache):
    told = []
    path = fetch_checkpoint("toy", Reporter(lambda *a: told.append(a)))
    assert path == cache / "models" / "toy" / "w.pth"
    assert told[-1] == (len(CONTENT), len(CONTENT))
    note = json.loads((path.parent / "w.pth.sha256.json").read_text())
    assert note == {"sha256": SHA, "size": len(CONTENT), "url": server.url}
    assert find_checkpoint("toy").sha256 == SHA
    assert fetch_checkpoint("toy") == path
    assert len(server.requests) == 1
    assert verify_checkpoint("toy") == SHA


def test_a_pinned_digest_is_enforced_and_the_file_left_alone(server):
    path = fetch_checkpoint("toy")
    path.write_bytes(b"changed")
    with pytest.raises(ChecksumError, match="it changed") as caught:
        verify_checkpoint("toy")
    assert SHA in str(caught.value)
    assert path.read_bytes() == b"changed"


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("known", "good"),
    [
        ({}, True),
        ({"sha256": SHA}, True),
        ({"md5": MD5}, True),
        ({"sha256": "0" * 64}, False),
        ({"md5": "0" * 32}, False),
    ],
)
def test_a_file_copied_by_hand(cache, monkeypatch, known, good):
    register(monkeypatch, Source("https://example.org/x", "w.pth", **known))
    folder = cache / "models" / "toy"
    folder.mkdir(parents=True)
    (folder / "w.pth").write_bytes(CONTENT)
    assert fetch_checkpoint("toy") == folder / "w.pth"
    if good:
        assert verify_checkpoint("toy") == SHA
        assert find_checkpoint("toy").sha256 == SHA
    else:
        with pytest.raises(ChecksumError):
            verify_checkpoint("toy")
        assert not (folder / "w.pth.sha256.json").exists()


def test_the_second_address_is_tried(server, monkeypatch):
    with serving() as dead:
        gone = dead.url
    register(monkeypatch, Source(gone, "a.pth"), Source(server.url, "b.pth", sha256=SHA))
    assert fetch_checkpoint("toy").name == "b.pth"
    assert find_checkpoint("toy").sha256 == SHA


def test_all_addresses_are_named_when_all_fail(server, monkeypatch):
    server.status = 404
    sources = Source(server.url, "a.pth"), Source(server.url + "?2", "b.pth")
    register(monkeypatch, *sources)
    with pytest.raises(DownloadError, match="or ") as caught:
        fetch_checkpoint("toy")
    assert all(s.by_hand(find_checkpoint("toy").folder) in str(caught.value) for s in sources)


@pytest.mark.usefixtures("cache", "no_network")
def test_offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match=r"sam_vit_b_01ec64\.pth"):
        fetch_checkpoint("sam-vit-b")


def test_the_catalog_needs_no_torch():
    code = (
        "import sys, napari_samara.checkpoints as c; c.list_checkpoints();"
        "print(sorted({'torch', 'huggingface_hub', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verify_needs_a_file(server):
    with pytest.raises(CheckpointNotFoundError, match="not on this machine"):
        verify_checkpoint("toy")


def test_a_spoilt_pin_is_written_anew(server):
    path = fetch_checkpoint("toy")
    (path.parent / "w.pth.sha256.json").write_text("{")
    assert find_checkpoint("toy").sha256 is None
    assert verify_checkpoint("toy") == SHA
    assert find_checkpoint("toy").sha256 == SHA


def test_the_shipped_model_says_what_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setattr(catalog, "_SHIPPED", tmp_path)
    assert find_checkpoint("samara-tiny").path is None
    with pytest.raises(CheckpointNotFoundError, match=r"model\.safetensors.*install"):
        fetch_checkpoint("samara-tiny")
    folder = tmp_path / "samara-tiny"
    folder.mkdir()
    for name in catalog.SHIPPED_FILES:
        (folder / name).write_bytes(b"x" * 400_000)
    info = find_checkpoint("samara-tiny")
    assert (info.path, info.size_mb) == (folder, 1.2)
    assert verify_checkpoint("samara-tiny") == info.sha256
    assert fetch_checkpoint("samara-tiny") == folder
