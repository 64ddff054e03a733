"""Looking after a store on disk."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.store.contract import KEY, embedding_of

from napari_samara.errors import CancelledError, SettingsError
from napari_samara.store import PruneRule, ZarrStore, damaged_entries, prune

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "ef" * 32
KEYS = [
    replace(KEY, pixels=f"{n:064x}", checkpoint=OTHER if n == 3 else "cd" * 32) for n in range(4)
]


@pytest.fixture
def store(tmp_path: Path) -> ZarrStore:
    """Four entries, each written an hour after the one before; the last of another checkpoint."""
    made = ZarrStore(tmp_path / "v.zarr")
    for number, key in enumerate(KEYS):
        made.put(embedding_of(key))
        os.utime(made.path / key.digest(), (0, 3600.0 * number))
    return made


def damage(store: ZarrStore, number: int, file: str = "image_embeddings/c.0.0.0") -> str:
    """Change one byte of an entry and return its name."""
    path = store.path / KEYS[number].digest() / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return KEYS[number].digest()


def test_entries_say_what_they_are(store: ZarrStore) -> None:
    found = {entry.name: entry for entry in store.entries()}
    assert {entry.key for entry in found.values()} == set(KEYS)
    assert sum(entry.nbytes for entry in found.values()) < store.nbytes
    assert found[KEYS[2].digest()].modified == 7200.0


@pytest.mark.parametrize("file", ["image_embeddings/c.0.0.0", "high_res_0/c.0.0.0"])
def test_a_single_changed_bit_is_found(store: ZarrStore, file: str) -> None:
    assert damaged_entries(store) == {}
    name = damage(store, 1, file)
    found = damaged_entries(store)
    assert list(found) == [name]
    assert "numbers" in found[name]
    assert KEYS[1] not in store


def test_what_an_entry_says_of_itself_is_checked(store: ZarrStore) -> None:
    path = store.path / KEYS[0].digest() / "zarr.json"
    text = path.read_text()
    assert "40" in text  # rows of the frame
    path.write_text(text.replace("40,", "41,"))
    assert list(damaged_entries(store)) == [KEYS[0].digest()]


def test_an_entry_under_the_name_of_another_is_damaged(store: ZarrStore) -> None:
    folder = store.path / KEYS[0].digest()
    folder.rename(folder.with_name("00" * 32))
    assert list(damaged_entries(store)) == ["00" * 32]


def test_progress_and_cancelling(store: ZarrStore) -> None:
    told: list[tuple[int, int]] = []
    with pytest.raises(CancelledError, match="2 of 4"):
        damaged_entries(store, lambda *at: told.append(at), lambda: len(told) == 2)
    assert told == [(1, 4), (2, 4)]


@pytest.mark.parametrize(
    ("rule", "gone", "why"),
    [
        (PruneRule(checkpoint=OTHER[:8]), [3], "checkpoint"),
        (PruneRule(checkpoint=OTHER[:8].upper()), [3], "checkpoint"),
        (PruneRule(older_than_s=1e9), [0, 1, 2, 3], "age"),
        (PruneRule(older_than_s=1e12), [], ""),
        (PruneRule(keep_bytes=0), [0, 1, 2, 3], "size"),
        (PruneRule(damaged=True), [], ""),
        (PruneRule(), [], ""),
    ],
)
def test_rules(store: ZarrStore, rule: PruneRule, gone: list[int], why: str) -> None:
    expected = {KEYS[number].digest() for number in gone}
    assert set(prune(store, rule, dry_run=True)) == expected
    assert sum(key in store for key in KEYS) == 4
    found = prune(store, rule)
    assert set(found) == expected
    assert {reason for _, reason in found.values()} <= {why}
    assert [key in store for key in KEYS] == [number not in gone for number in range(4)]
    assert [path.name for path in store.path.iterdir() if path.name.startswith(".")] == []


def test_the_oldest_go_until_the_rest_fits(store: ZarrStore) -> None:
    each = max(entry.nbytes for entry in store.entries())
    prune(store, PruneRule(keep_bytes=2 * each))
    assert [key in store for key in KEYS] == [False, False, True, True]


def test_damaged_ones_go_first(store: ZarrStore) -> None:
    each = max(entry.nbytes for entry in store.entries())
    damage(store, 3)
    found = prune(store, PruneRule(damaged=True, keep_bytes=2 * each))
    assert sorted(why for _, why in found.values()) == ["damaged", "size"]
    assert [key in store for key in KEYS] == [False, True, True, False]


@pytest.mark.parametrize(
    "wrong", [{"checkpoint": "abc"}, {"older_than_s": -1.0}, {"keep_bytes": -1}]
)
def test_rules_that_mean_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        PruneRule(**wrong)  # type: ignore[arg-type]
