"""What is given and not accepted yet, as it is written into the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_samara.errors import FileFormatError, SamaraError
from napari_samara.prompts import PromptSet
from napari_samara.prompts.base import Prompt
from napari_samara.session.candidates import Seeds
from napari_samara.session.objects import OpenObject

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Held:
    """Prompts that are not accepted yet.

    Attributes
    ----------
    opened : OpenObject
        The object that prompts are being given for.
    seeds : Seeds
        What many objects are looked for with.
    """

    opened: OpenObject = field(default_factory=OpenObject)
    seeds: Seeds = field(default_factory=Seeds)

    @property
    def prompts(self) -> int:
        """How many there are."""
        return len(self.opened.prompts) + len(self.seeds.prompts)

    def entries(self, before: Held) -> dict[str, Any]:
        """Entries that lead from another state to this one.

        Parameters
        ----------
        before : Held
            What is known already.

        Returns
        -------
        dict
            ``"open"``, and ``"many"`` where the seeds differ: of these only what comes after the
            prompts that both begin with, so that the thousandth click writes no more than the
            first.
        """
        found: dict[str, Any] = {"open": self.opened.to_dict()}
        if self.seeds != before.seeds:
            found["many"] = seeds_step(before.seeds, self.seeds)
        return found

    def followed(self, line: Mapping[str, Any]) -> Held:
        """State that a line of the journal leads to.

        Parameters
        ----------
        line : mapping
            With the entries of `entries`, or some of them.

        Returns
        -------
        Held
            With the rest as it was.

        Raises
        ------
        FileFormatError
            If an entry does not follow this state.
        """
        opened = OpenObject.from_dict(line["open"]) if "open" in line else self.opened
        seeds = seeds_after(self.seeds, line["many"]) if "many" in line else self.seeds
        return Held(opened, seeds)


def seeds_step(before: Seeds, after: Seeds) -> dict[str, Any]:
    """Plain form of the way from some seeds to others.

    Parameters
    ----------
    before, after : Seeds
        None before: the plain form is all of `after`.

    Returns
    -------
    dict
        ``"keep"``, the number of prompts that both begin with; ``"prompts"``, those that follow,
        with the id of their object; ``"picks"``, places of the prompts of an object among all,
        with whether it is wanted.
    """
    old, new = before.prompts.entries, after.prompts.entries
    keep = next(
        (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )
    places: dict[Prompt, int] = {}
    for at, prompt in enumerate(after.prompts):
        places.setdefault(prompt, at)
    picks = [
        [[places[prompt] for prompt in prompts], wanted]
        for prompts, wanted in after.picks
        if all(prompt in places for prompt in prompts)
    ]
    added = [[number, prompt.to_dict()] for number, prompt in new[keep:]]
    return {"keep": keep, "prompts": added, "picks": sorted(picks)}


def seeds_after(before: Seeds, step: Mapping[str, Any]) -> Seeds:
    """Seeds that a step leads to.

    Parameters
    ----------
    before : Seeds
        Where it begins.
    step : mapping
        As `seeds_step` gives it.

    Returns
    -------
    Seeds
        Without picks of objects that are gone.

    Raises
    ------
    FileFormatError
        If it is no such step, or begins elsewhere.
    """
    try:
        keep = int(step["keep"])
        if not 0 <= keep <= len(before.prompts):
            raise FileFormatError(f"{keep} of {len(before.prompts)} prompts cannot be kept")
        added = [(int(number), Prompt.from_dict(data)) for number, data in step["prompts"]]
        prompts = PromptSet.from_entries([*before.prompts.entries[:keep], *added])
        picks = frozenset(
            (PromptSet([prompts[int(at)] for at in places]), bool(wanted))
            for places, wanted in step["picks"]
        )
    except (KeyError, TypeError, ValueError, IndexError, SamaraError) as error:
        raise FileFormatError(f"not what many objects are looked for with: {error!r}") from error
    return Seeds(prompts, picks)
