"""What somebody else does in the account, before a rescue or in the middle of it.

``foreign-…``   a resource that carries our tags, and is not ours (``foreign``)
``forged-…``    a record that says what the cloud does not (``records``)
``half:<record>``, ``list:<record>``, ``empty:<record>``, ``types:<record>``
                a record that is none: cut in the middle, a list, an empty object, all its values lists
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.deeds.foreign import FOREIGN
from chaos.deeds.records import BROKEN, FORGED
from chaos.deeds.scene import ID_FIELDS, Scene
from chaos.journal_keys import record_of
from chaos.schedule import Deed
from chaos.story import Forgery


@dataclass
class Deeds:
    """The deeds of a schedule; ``done`` are the places of those that were done."""

    scene: Scene
    deeds: Sequence[Deed]
    done: set[int] = field(default_factory=set)
    forgeries: list[Forgery] = field(default_factory=list)

    @property
    def write_records(self) -> bool:
        """Whether any of them writes into the journal."""
        return any(one.what not in FOREIGN for one in self.deeds)

    def begin(self) -> None:
        """Do those that come before anybody calls."""
        for place, deed in enumerate(self.deeds):
            if deed.call is None and not deed.at:
                self.do(place)

    def before_call(self, number: int, before: dict[str, Any]) -> None:
        """Do those that come before the n-th call of all; as ``do``."""
        for place, deed in enumerate(self.deeds):
            if deed.call is not None and deed.call <= number:
                self.do(place, before)

    def do(self, place: int, before: dict[str, Any] | None = None) -> None:
        """Do one, once. What it adds to ECS is added to the state ``before`` the rescue too."""
        if place in self.done:
            return
        scene, what, known, objects = self.scene, self.deeds[place].what, self.scene.known, self.scene.objects
        if _do(what, scene):
            self.done.add(place)
        written = [record_of(key) for key, one in scene.objects.items() if objects.get(key) is not one]
        moment = (len(scene.cloud.calls), scene.cloud.now())
        self.forgeries += [Forgery(what, one.name, int(one.number), *moment) for one in written if one is not None]
        if before:
            now = scene.cloud.ecs.state()
            for kind, ids in known.items():
                before["ecs"][kind] += [one for one in now[kind] if one[ID_FIELDS[kind]] not in ids]


def _do(what: str, scene: Scene) -> bool:
    """Whether it could be done. Raises ``KeyError`` for a deed that nobody knows."""
    broken, _, name = what.partition(":")
    if name:
        return name in scene.records and scene.write(name, BROKEN[broken](scene.records[name][1]))
    return {**FORGED, **FOREIGN}[what](scene)
