"""Repositories of the hub, with its client replaced."""

from __future__ import annotations

import fnmatch
import json
import threading

import huggingface_hub
import pytest
from huggingface_hub import errors as hub_errors

from napari_samara.checkpoints import hub_progress
from napari_samara.checkpoints.hub import fetch_repository, is_hub_id
from napari_samara.checkpoints.transfer import Reporter
from napari_samara.errors import (
    CancelledError,
    CheckpointNotFoundError,
    DownloadError,
    OfflineError,
)

BYTES = 1000


class FakeHub:
    """Stands in for `snapshot_download`; `remote` is what the hub holds, `here` what is cached."""

    def __init__(self, folder):
        self.folder = folder / "snapshots" / "abc123"
        self.remote: set[str] = set()
        self.here: set[str] = set()
        self.texts: dict[str, str] = {}
        self.error: Exception | None = None
        self.calls: list[dict] = []
        self.counts_bytes = True
        self.pieces = 0
        self.cache = folder
        self.seen = threading.Event()
        self.seen.set()

    def __call__(self, repository, **options):
        self.calls.append({"repository": repository} | options)
        if options["local_files_only"]:
            if not self.here:
                raise hub_errors.LocalEntryNotFoundError("not here")
        elif self.error is not None:
            raise self.error
        else:
            patterns = options["allow_patterns"]
            wanted = {f for f in self.remote if any(fnmatch.fnmatch(f, p) for p in patterns)}
            self.transfer(sorted(wanted - self.here), options["tqdm_class"])
            self.here |= wanted
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.here:
            (self.folder / name).write_text(self.texts.get(name, ""))
        return str(self.folder)

    def transfer(self, names, tqdm_class):
        """Bring files as version 0 of the client does, or as version 1 and later."""
        if self.counts_bytes:
            way, other = (tqdm_class(total=0, initial=0, unit="B", unit_scale=True) for _ in "ab")
            other.total += 7  # the bytes of the network, less than those of the files
            for _ in names:
                way.total += BYTES
                way.refresh()
                for _ in range(4):
                    way.update(BYTES // 4)
                    other.update(1)
                    self.pieces += 1
            return
        blobs = self.cache / "hub" / "models--owner--name" / "blobs"
        blobs.mkdir(parents=True, exist_ok=True)
        for name in tqdm_class(names, desc="Fetching files", total=len(names)):
            (blobs / f"{name}.incomplete").write_bytes(bytes(BYTES))
            self.pieces += 4
            assert self.seen.wait(20)

    @property
    def downloads(self):
        return [c for c in self.calls if not c["local_files_only"]]


@pytest.fixture
def hub(monkeypatch, tmp_path, cache):
    fake = FakeHub(tmp_path)
    fake.cache = cache
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    return fake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("facebook/sam-vit-base", True),
        ("nielsr/slimsam-50-uniform@main", True),
        ("a/b@refs/pr/1", True),
        ("sam-vit-b", False),
        ("a/b/c", False),
        ("/a/b", False),
        ("./a/b", False),
        ("../b", False),
        ("a\\b", False),
        ("", False),
    ],
)
def test_the_form_of_an_id(text, expected):
    assert is_hub_id(text) is expected


def test_only_what_is_needed_comes(hub, cache):
    hub.remote = {"config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "x.py"}
    folder, revision = fetch_repository("owner/name@v1")
    assert revision == folder.name == "abc123"
    assert hub.here == {"config.json", "model.safetensors"}
    assert len(hub.downloads) == 1
    assert hub.downloads[0]["revision"] == "v1"
    assert hub.downloads[0]["cache_dir"] == cache / "hub"


def test_pickled_weights_only_where_there_are_no_others(hub):
    hub.remote = {"config.json", "pytorch_model.bin", "README.md"}
    fetch_repository("owner/name")
    assert hub.here == hub.remote
    assert len(hub.downloads) == 2


@pytest.mark.parametrize("offline", ["0", "1"])
def test_what_is_cached_needs_no_network(hub, monkeypatch, offline):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    hub.here = {"config.json", "model.safetensors"}
    assert fetch_repository("owner/name")[0] == hub.folder
    assert not hub.downloads


def test_a_cached_copy_that_lacks_a_shard_is_completed(hub):
    shards = {f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}
    index = "model.safetensors.index.json"
    hub.texts[index] = json.dumps({"weight_map": {str(i): s for i, s in enumerate(shards)}})
    hub.remote = {"config.json", index, *shards}
    hub.here = hub.remote - {min(shards)}
    assert fetch_repository("owner/name")[0] == hub.folder
    assert hub.here == hub.remote
    assert len(hub.downloads) == 1


def test_offline(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match="HF_HUB_OFFLINE"):
        fetch_repository("owner/name")
    assert not hub.downloads


def test_no_weights(hub):
    hub.remote = {"config.json"}
    with pytest.raises(CheckpointNotFoundError, match=r"pytorch_model\.bin"):
        fetch_repository("owner/name")


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (hub_errors.RepositoryNotFoundError, CheckpointNotFoundError, "none the hub shows"),
        (hub_errors.RevisionNotFoundError, CheckpointNotFoundError, "none the hub shows"),
        (hub_errors.GatedRepoError, CheckpointNotFoundError, "terms"),
        (hub_errors.LocalEntryNotFoundError, OfflineError, "cannot reach"),
        (ConnectionError, DownloadError, "failed"),
    ],
)
def test_errors_of_the_hub(hub, error, expected, message):
    made = error.__new__(error)  # the hub's errors want a response object
    made.args = ("text",)
    hub.error = made
    with pytest.raises(expected, match=message):
        fetch_repository("owner/name")


def test_bytes_are_told(hub):
    hub.remote = {"config.json", "model.safetensors"}
    told = []
    fetch_repository("owner/name", Reporter(lambda done, total: told.append((done, total))))
    assert told[-1] == (2 * BYTES, 2 * BYTES)
    assert told == sorted(told)
    assert len(set(told)) == 8


@pytest.mark.parametrize("counts_bytes", [True, False])
def test_a_download_that_is_stopped(hub, counts_bytes):
    hub.remote = {"config.json", "model.safetensors", "README.md"}
    hub.counts_bytes = counts_bytes
    with pytest.raises(CancelledError, match="stopped"):
        fetch_repository("owner/name", Reporter(cancelled=lambda: hub.pieces >= 3))
    assert hub.pieces == (3 if counts_bytes else 4)  # before version 1 with the file it is at
    assert hub.here == set()


def test_a_client_that_counts_files_only(hub, monkeypatch):
    monkeypatch.setattr(hub_progress, "_LOOK", 0.001)
    hub.remote, hub.counts_bytes = {"config.json", "model.safetensors"}, False
    hub.seen.clear()
    told = []

    def progress(done, total):
        told.append((done, total))
        if done >= BYTES:
            hub.seen.set()

    fetch_repository("owner/name", Reporter(progress))
    assert (BYTES, 0) in told
    assert not [thread for thread in threading.enumerate() if thread.name == "samara-download"]


def test_the_bars_are_what_the_client_takes():
    from tqdm.contrib.concurrent import thread_map

    told = []
    tally = hub_progress.Tally(Reporter(lambda done, total: told.append((done, total))))
    bar = hub_progress.bar_class(tally)
    assert thread_map(abs, [-1, -2], tqdm_class=bar, desc="Fetching", max_workers=2) == [1, 2]
    assert told == []
    with bar(total=0, initial=2, unit="B", unit_scale=True, name="huggingface_hub.x") as made:
        made.total += 5
        made.refresh()
        made.update(3)
        made.set_description("done")
        made.set_postfix_str("1 MB/s", refresh=False)
    assert told == [(5, 5)]
