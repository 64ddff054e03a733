"""Looking after a store on disk: what is in it, what is damaged, what can go."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_samara.errors import CancelledError, SettingsError, StoreError
from napari_samara.store.entry import read_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_samara.store.entry import Entry
    from napari_samara.store.zarr_store import ZarrStore


@dataclass(frozen=True)
class PruneRule:
    """Which entries are removed: those that any of the rules names.

    Attributes
    ----------
    checkpoint : str
        Those of this checkpoint: the beginning of its sha256, at least six digits; "" for none.
    older_than_s : float or None
        Those written longer ago than so many seconds.
    keep_bytes : int or None
        The oldest ones, until those left take no more than so many bytes.
    damaged : bool
        Those that cannot be read.

    Raises
    ------
    SettingsError
        If a number is negative or the checkpoint is too short to mean one.
    """

    checkpoint: str = ""
    older_than_s: float | None = None
    keep_bytes: int | None = None
    damaged: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if self.checkpoint and len(self.checkpoint) < 6:
            raise SettingsError(
                f"{self.checkpoint!r} is too short to name a checkpoint; give six digits or more "
                "of its sha256"
            )
        for name in ("older_than_s", "keep_bytes"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise SettingsError(f"{name} cannot be negative, got {value}")


def damaged_entries(
    store: ZarrStore,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, str]:
    """Read every entry and compare it with its checksums.

    Parameters
    ----------
    store : ZarrStore
        Where.
    progress : callable, optional
        Called as ``progress(done, total)`` after each entry.
    cancelled : callable, optional
        Asked before each entry.

    Returns
    -------
    dict of str to str
        What is wrong, by the name of the entry; empty where all is well.  An entry that another
        process removed meanwhile is not named.

    Raises
    ------
    CancelledError
        If `cancelled` said so.
    """
    folders, wrong = store.folders(), {}
    for done, folder in enumerate(folders, start=1):
        if cancelled is not None and cancelled():
            raise CancelledError(f"cancelled after {done - 1} of {len(folders)} entries")
        try:
            read_entry(folder)
        except StoreError as error:
            if folder.is_dir():
                wrong[folder.name] = str(error)
        if progress is not None:
            progress(done, len(folders))
    return wrong


def prune(
    store: ZarrStore,
    rule: PruneRule,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, tuple[Entry, str]]:
    """Remove the entries that a rule names.

    Parameters
    ----------
    store : ZarrStore
        Where; others may use it meanwhile.
    rule : PruneRule
        Which.
    dry_run : bool
        Whether they are only named.
    progress : callable, optional
        Called as ``progress(done, total)`` while entries are read, which only `PruneRule.damaged`
        needs.

    Returns
    -------
    dict of str to (Entry, str)
        The entries and why they go, by name.

    Raises
    ------
    StoreError
        If one cannot be removed.
    """
    entries = {entry.name: entry for entry in store.entries()}
    reasons: dict[str, str] = {}
    if rule.damaged:
        reasons |= dict.fromkeys(damaged_entries(store, progress), "damaged")
    for name, entry in entries.items():
        if why := _named(entry, rule):
            reasons.setdefault(name, why)
    reasons |= _too_many(entries, rule, reasons)
    going = {name: (entries[name], why) for name, why in reasons.items() if name in entries}
    for name in () if dry_run else going:
        try:
            store.remove(name)
        except StoreError:
            if (store.path / name).is_dir():  # else another process removed it
                raise
    return going


def _named(entry: Entry, rule: PruneRule) -> str:
    """Why an entry goes, apart from what all of them take together."""
    of = entry.key.checkpoint if entry.key is not None else ""
    if rule.checkpoint and of.startswith(rule.checkpoint.lower()):
        return "checkpoint"
    if rule.older_than_s is not None and time.time() - entry.modified > rule.older_than_s:
        return "age"
    return ""


def _too_many(
    entries: Mapping[str, Entry], rule: PruneRule, going: Mapping[str, str]
) -> dict[str, str]:
    """Return the oldest of those that stay, as far as they take too much."""
    if rule.keep_bytes is None:
        return {}
    staying = [entry for name, entry in entries.items() if name not in going]
    total, found = sum(entry.nbytes for entry in staying), {}
    for entry in sorted(staying, key=lambda entry: (entry.modified, entry.name)):
        if total <= rule.keep_bytes:
            break
        found[entry.name] = "size"
        total -= entry.nbytes
    return found
