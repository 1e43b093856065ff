"""The part of a check's output that is shown: the end of its text, without a secret of this process.

The output is any text of an instance. DescribeInvocationResults has it as Base64, cut to 24 KB; the agent keeps the
beginning and the end, so a secret may be cut in two anywhere.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote

MASK = "***"
FRAGMENT = 8
"""So many characters of a secret count as the secret."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def tail_of(output: str | None, secrets: Iterable[str], limit: int = 1000) -> str:
    """The last ``limit`` characters of a check's output (``InvocationResult.Output``), printable and without secrets.

    Masked are secrets and all fragments of them, also in Base64 or percent-encoding and across line breaks.
    """
    fragments = frozenset(piece for secret in secrets for piece in _fragments(secret))
    text = _text(output or "")
    for begin, end in reversed(_spans(text, fragments)):
        text = text[:begin] + MASK + text[end:]
    text = text.strip()
    tail = text[max(0, len(text) - limit) :]
    shown = "".join(char if char.isprintable() or char in "\n\t" else _REPLACEMENT for char in tail)
    # A mask can complete another secret with asterisks in it: then nothing is shown.
    return "" if _spans(shown, fragments) else shown


def _text(output: str) -> str:
    """The output decoded; as it is where it is not Base64 (ContentEncoding=PlainText)."""
    try:
        content = base64.b64decode(output, validate=True)
    except ValueError:
        content = output.encode("utf-8", "replace")
    return content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _fragments(secret: str) -> Iterator[str]:
    """The parts that give a secret away; a short secret is a single part."""
    plain = _compact(secret)
    if plain:
        yield from _pieces(plain)
    for form in _encoded(secret):
        if len(form) >= FRAGMENT:
            yield from _pieces(form)


def _pieces(form: str) -> Iterator[str]:
    for start in range(max(1, len(form) - FRAGMENT + 1)):
        yield form[start : start + FRAGMENT]


def _encoded(secret: str) -> Iterator[str]:
    """Other spellings. Base64 has three, by the position of the secret in a group of three bytes."""
    yield quote(secret, safe="", errors="replace")
    content = secret.encode("utf-8", "replace")
    for shift in range(3):
        form = base64.b64encode(bytes(shift) + content).decode().rstrip("=")
        # The first and the last characters also depend on the text around the secret.
        yield form[(0, 2, 3)[shift] : len(form) - (1 if (shift + len(content)) % 3 else 0)]


def _compact(text: str) -> str:
    """Without white space, control characters (UTF-16 has many) and undecodable bytes: they do not hide a secret."""
    return "".join(filter(str.isprintable, text)).replace(" ", "").replace(_REPLACEMENT, "")


def _spans(text: str, fragments: frozenset[str]) -> list[tuple[int, int]]:
    """The places of fragments in the text: from, to (excluded); in order, overlapping places united."""
    compact = _compact(text)
    hits = [
        (start, start + size)
        for size in {len(fragment) for fragment in fragments}
        for start in range(len(compact) - size + 1)
        if compact[start : start + size] in fragments
    ]
    if not hits:
        return []
    where = [index for index, char in enumerate(text) if _compact(char)]
    found: list[tuple[int, int]] = []
    for start, end in sorted(hits):
        begin, stop = where[start], where[end - 1] + 1
        if found and begin < found[-1][1]:
            begin, stop = found[-1][0], max(found.pop()[1], stop)
        found.append((begin, stop))
    return found
