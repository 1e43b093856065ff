"""Variables, environment and templates put in, as ``s preview`` of Serverless Devs 3 does it.

``${vars.a.b}`` stands for any value, with its type where nothing stands beside it; ``${env('NAME')}`` and
``${env('NAME', 'default')}`` for text, where a variable that is empty counts as not set. ``${config('AccountID')}`` is
known only to a deployment, and stays as it is. Nothing else is accepted here, though the CLI knows more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.check_deployment.complaint import Complaint, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "${config('AccountID')}"
EXAMPLES = {
    "DEPLOY_LAYER_ARN": "acs:fc:{region}:1690701234567830:layers/spotkeeper/versions/1",
    "DEPLOY_JOURNAL_BUCKET": "spotkeeper-journal",
    "DEPLOY_LOG_PROJECT": "spotkeeper-logs",
}
"""What is checked in place of a variable that has no default and is not set; the CLI itself refuses to go on then."""

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_VARS = re.compile(r"vars((?:\.\w+)+)")
_ENV = re.compile(r"""env\((['"])(\w+)\1(?:,\s*(['"])([^'"]*)\3)?\)""")
_ACCEPTED = f"${{vars.name}}, ${{env('NAME')}}, ${{env('NAME', 'default')}} and {ACCOUNT}"


@dataclass
class Resolver:
    """Resolves a document; ``complaints`` are its mistakes, ``examples`` the values for variables that are not set."""

    document: Mapping[str, Any]
    environ: Mapping[str, str]
    complaints: list[Complaint] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def resolved(self) -> dict[str, Any]:
        """The document with everything put in that can be; the rest is in ``complaints``."""
        return {key: self._value(value, key) for key, value in self.document.items()}

    def _value(self, value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {key: self._value(item, f"{path}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _text(self, text: str, path: str) -> Any:
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return self._reference(whole, path)
        return _REFERENCE.sub(lambda match: self._embedded(self._reference(match, path), path), text)

    def _embedded(self, value: Any, path: str) -> str:
        if isinstance(value, dict | list):
            self.complaints.append(Complaint(path, f"{shown(value)} stands inside a text", "a text, number or boolean"))
        return value if isinstance(value, str) else shown(value)

    def _reference(self, reference: re.Match[str], path: str) -> Any:
        if reference[0] == ACCOUNT:
            return ACCOUNT
        if name := _VARS.fullmatch(reference[1]):
            return self._variable(reference[0], name[1].split(".")[1:], path)
        if env := _ENV.fullmatch(reference[1]):
            return self._environment(env[2], env[4], path)
        return self._refuse(path, f"{reference[0]} is not understood", _ACCEPTED, reference[0])

    def _variable(self, reference: str, names: list[str], path: str) -> Any:
        value: Any = self.document.get("vars")
        for name in names:
            if not isinstance(value, dict) or name not in value:
                return self._refuse(path, f"{reference} is not among the vars", "a name that vars has", reference)
            value = value[name]
        if reference in self._open:
            return self._refuse(path, f"{reference} leads back to itself", "vars that end somewhere", reference)
        self._open.append(reference)
        found = self._value(value, ".".join(["vars", *names]))
        self._open.pop()
        return found

    def _environment(self, name: str, default: str | None, path: str) -> str:
        value = self.environ.get(name) or default  # an empty variable counts as not set, for the CLI too
        if value is not None:
            return value
        if name not in EXAMPLES:
            return self._refuse(path, f"{name} is not set and has no default", "a value in the environment", "")
        self.examples[name] = EXAMPLES[name].format(region=self._region())
        return self.examples[name]

    def _region(self) -> str:
        variables = self.document.get("vars")
        region = variables.get("region") if isinstance(variables, dict) else None
        return str(self._value(region, "vars.region"))

    def _refuse(self, path: str, wrong: str, accepted: str, instead: str) -> str:
        complaint = Complaint(path, wrong, accepted)
        if complaint not in self.complaints:
            self.complaints.append(complaint)
        return instead


def extended(document: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved document in which every resource has its template's properties; its own go before them."""
    templates, resources = document.get("template"), document.get("resources")
    if not isinstance(templates, dict) or not isinstance(resources, dict):
        return dict(document)
    return {**document, "resources": {name: _extended(resource, templates) for name, resource in resources.items()}}


def _extended(resource: Any, templates: Mapping[str, Any]) -> Any:
    extend = resource.get("extend") if isinstance(resource, dict) else None
    base = templates.get(str(extend.get("name"))) if isinstance(extend, dict) else None
    return {**resource, "props": _merged(base, resource.get("props", {}))} if isinstance(base, dict) else resource


def _merged(base: Any, own: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    both = {key: _merged(base[key], own[key]) for key in base.keys() & own.keys()}
    return {**base, **own, **both}
