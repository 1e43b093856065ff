"""Whether an answer has the fields, and their types, that the SDK's response models know."""

from __future__ import annotations

import inspect
import json
from typing import Any
from unittest import mock

from darabonba.model import DaraModel

from simulator.cloud import Cloud
from simulator.wire import Request, Response
from tests.simulator.sdk import Sdk

PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}


def misfits(cloud: Cloud, sdk: Sdk, action: str, parameters: dict[str, Any]) -> list[str]:
    """What the SDK drops or changes of the answer to a call, and what has another type than the SDK says."""
    answers: list[Response] = []

    def listen(request: Request) -> Response:
        answers.append(Cloud.respond(cloud, request))
        return answers[-1]

    with mock.patch.object(cloud, "respond", listen):
        sdk(action, **parameters)
    body = json.loads(answers[-1].body)
    model = getattr(sdk.models, f"{action}ResponseBody")().from_map(body)
    return ([] if body["RequestId"] else ["RequestId is empty"]) + unknown(body, model.to_map()) + mistyped(model)


def unknown(body: Any, known: Any, path: str = "") -> list[str]:
    """Paths of fields that the model dropped or changed."""
    if isinstance(body, dict):
        return [
            found
            for name, value in body.items()
            for found in (unknown(value, known[name], f"{path}.{name}") if name in known else [f"{path}.{name}"])
        ]
    if isinstance(body, list):
        pairs = enumerate(zip(body, known, strict=True))
        return [found for number, (item, kept) in pairs for found in unknown(item, kept, f"{path}[{number}]")]
    return [] if body == known else [path]


def mistyped(model: DaraModel) -> list[str]:
    """Attributes whose values have not the annotated type."""
    found = []
    for name, parameter in inspect.signature(type(model).__init__).parameters.items():
        value = getattr(model, name, None)
        wanted = PLAIN.get(str(parameter.annotation))
        if (
            wanted
            and value is not None
            and (not isinstance(value, wanted) or isinstance(value, bool) > (bool in wanted))
        ):
            found.append(f"{type(model).__name__}.{name} = {value!r}")
        for inner in value if isinstance(value, list) else [value]:
            found += mistyped(inner) if isinstance(inner, DaraModel) else []
    return found
