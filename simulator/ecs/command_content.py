"""The content of a command: decoded, measured, and with its parameters filled in."""

from __future__ import annotations

import base64
import re
from typing import Any

from simulator.actions import Parameters, invalid
from simulator.error_catalogue import refusal
from simulator.wire import ApiError

LARGEST, LARGEST_KEPT = 24 * 1024, 18 * 1024
"""Bytes of Base64; the second with KeepCommand."""
MOST_PARAMETERS, MOST_PLACEHOLDERS, LONGEST_NAME = 10, 20, 64
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_BUILT_IN = {
    f"acs::{name}" for name in ("regionid", "accountid", "instanceid", "instancename", "invokeid", "commandid")
}


def decoded(p: Parameters) -> str:
    """CommandContent as text; an unknown ContentEncoding is PlainText, and so is Base64 that does not say so.

    The code for Base64 that cannot be decoded is documented for RunCommand of Simple Application Server only.
    """
    content = str(p["CommandContent"])
    if str(p.get("ContentEncoding", "")).casefold() != "base64":
        return content
    try:
        return base64.b64decode(content, validate=True).decode("utf-8", "replace")
    except ValueError:
        raise refusal("InvalidCommandContent.DecodeError") from None


def check_size(p: Parameters, content: str) -> None:
    """Content and Parameters together, after Base64.

    Raises ApiError.
    """
    size = len(base64.b64encode((content + str(p.get("Parameters", ""))).encode()))
    if size > (LARGEST_KEPT if p.bool("KeepCommand") else LARGEST):
        raise refusal("CmdContent.ExceedLimit")


def given_parameters(p: Parameters) -> dict[str, str]:
    """The values in Parameters.

    Raises ApiError for a value that is no JSON object of strings, for too many keys, for a key that is empty or too
    long, and for any value while EnableParameter is not true.
    """
    try:
        given: Any = p.json("Parameters", {})
    except ApiError:
        raise refusal("InvalidParameter.Parameters") from None
    if not isinstance(given, dict) or "" in given:
        raise refusal("InvalidParameter.Parameters")
    if given and not p.bool("EnableParameter"):
        raise refusal("Parameter.Disabled")
    if len(given) > MOST_PARAMETERS:
        raise refusal("ParameterCount.ExceedLimit")
    if any(len(name) > LONGEST_NAME for name in given):
        raise refusal("ParameterKey.ExceedLimit")
    if not all(isinstance(value, str) for value in given.values()):
        raise refusal("ParameterType.NotSupported")
    return given


def filled(content: str, given: dict[str, str]) -> str:
    """The content with the values in place of ``{{ name }}``; names are not case-sensitive.

    Built-in ``{{ACS::…}}`` stay: the agent fills them in, after the values, so that it does so in values too. For the
    same reason the values are put in one after another: no document says that a placeholder in a value stays text.
    Raises ApiError for values and placeholders without each other.
    """
    placeholders = _placeholders(content)
    names = {name.casefold() for name in given}
    if len(names) < len(given):
        raise refusal("ParameterKey.Duplicate")
    if names - placeholders:
        raise refusal("Parameter.NotMatched")
    if placeholders - names:
        raise refusal("Parameter.MissingValue")
    for name, value in given.items():
        content = _put(content, name, value)
    return content


def _put(content: str, name: str, value: str) -> str:
    """Taken literally: a backslash in the value means nothing."""
    pattern = re.compile(r"\{\{\s*" + re.escape(name) + r"\s*\}\}", re.IGNORECASE)
    return pattern.sub(lambda _: value, content)


def _placeholders(content: str) -> set[str]:
    """Names that need a value. That other text in double braces is refused is documented, with which code is not."""
    found = {inner.strip().casefold() for inner in _PLACEHOLDER.findall(content)} - _BUILT_IN
    if any(len(name.encode()) > LONGEST_NAME for name in found):
        raise refusal("ParameterKey.ExceedLimit")
    if not all(_NAME.match(name) for name in found):
        raise invalid("CommandContent", "a parameter's name has letters, digits, hyphens and underscores only")
    if len(found) > MOST_PLACEHOLDERS:
        raise refusal("ParameterCount.ExceedLimit")
    return found
