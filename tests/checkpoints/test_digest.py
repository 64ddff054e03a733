from __future__ import annotations

import hashlib
import os

from napari_samara.checkpoints.digest import file_digest, folder_digest


def test_file_digest_follows_the_content(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    assert file_digest(path) == hashlib.sha256(b"one").hexdigest()
    assert file_digest(path, "md5") == hashlib.md5(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert file_digest(path) == hashlib.sha256(b"two").hexdigest()


def test_an_unchanged_file_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    first = file_digest(path)
    monkeypatch.setattr(hashlib, "new", None)
    assert file_digest(path) == first


def test_folder_digest_depends_on_names_and_content_not_on_order(tmp_path):
    for name, content in (("a", b"1"), ("b", b"2")):
        (tmp_path / name).write_bytes(content)
    lines = "".join(
        f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in (("a", b"1"), ("b", b"2"))
    )
    assert folder_digest(tmp_path, ["b", "a", "a"]) == hashlib.sha256(lines.encode()).hexdigest()
    assert folder_digest(tmp_path, ["a"]) != folder_digest(tmp_path, ["a", "b"])
