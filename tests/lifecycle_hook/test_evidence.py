"""The shown part of a check's output is readable and bounded, and never has a secret of this process."""

from __future__ import annotations

import base64
import json
import string
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checking.evidence import FRAGMENT, tail_of

KEY = "LTAI5tBqWn7kYz3xVcRfGh2J"
TOKEN = "CAISrwJ1q6Ft5B2yfSjIr5bHPPzXnLlR9q+8aRDD/VkwYt1ouZfGhjz2IHtLdXltCOwXvvs0lWpU7fcdlqNoRoRz"
ALPHABET = string.ascii_letters + string.digits + "+/=._-"
secrets = st.text(ALPHABET, min_size=16, max_size=120) | st.text(".*+?[](){}^$|\\", min_size=FRAGMENT, max_size=40)


def encoded(content: bytes | str) -> str:
    """Output as DescribeInvocationResults gives it."""
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


def fragments(secret: str) -> set[str]:
    """All pieces of a secret that give it away."""
    return {secret[start : start + FRAGMENT] for start in range(len(secret) - FRAGMENT + 1)}


def test_output_is_decoded() -> None:
    """Base64 is decoded; other text and no output at all are taken as they are."""
    assert tail_of(encoded("PASSED: 磁盘 ok\n"), []) == "PASSED: 磁盘 ok"
    assert tail_of("not Base64!", []) == "not Base64!"
    assert tail_of(None, []) == tail_of("", []) == ""


def test_the_end_is_kept() -> None:
    """The verdict is the last line, so the end is what is shown."""
    assert tail_of(encoded("x" * 5000 + "\nFAILED: no"), [], limit=10) == "FAILED: no"
    assert len(tail_of(encoded("x" * 5000), [])) == 1000
    assert tail_of(encoded("x" * 5000), [], limit=0) == ""


def test_what_is_not_text_is_harmless() -> None:
    """Invalid UTF-8 and control characters are replaced, line ends are line feeds, tabs stay."""
    shown = tail_of(encoded(b"a\xff\x1b[31m\x00b\r\nc\td\re"), [])
    assert shown == "a\ufffd\ufffd[31m\ufffdb\nc\td\ne"
    assert tail_of(encoded("a\u202eb\u2028c"), []) == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    "said",
    [
        KEY,
        KEY[:10] + "\n" + KEY[10:],
        "  ".join(KEY),
        quote(TOKEN, safe=""),
        encoded(KEY),
        encoded("x" + TOKEN),
        encoded("xy" + TOKEN + "z"),
        "\n".join(encoded(TOKEN)[start : start + 20] for start in range(0, 200, 20)),
        KEY[1:],
        KEY[-FRAGMENT:],
        KEY[:FRAGMENT],
        TOKEN[:40] + KEY[5:],
        TOKEN[:40] + "[dropped]" + TOKEN[60:],
    ],
)
def test_a_secret_is_masked_however_it_is_written(said: str) -> None:
    """Whole or in part, across lines, percent-encoded or in Base64 at any offset: nothing of it is left."""
    shown = tail_of(encoded(f"before {said} after"), [KEY, TOKEN])
    assert "***" in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    left = shown.removeprefix("before ").removesuffix(" after").replace("***", "")
    assert len(left.replace("[dropped]", "")) < FRAGMENT


def test_a_secret_in_utf_16_is_masked() -> None:
    """PowerShell's own encoding, in which every other byte is 0, hides nothing."""
    shown = tail_of(encoded(f"key={KEY};".encode("utf-16-le")), [KEY])
    assert shown.replace("\ufffd", "") == "key=***;"


def test_a_short_secret_is_masked_as_a_whole() -> None:
    """A secret shorter than a fragment is only recognised as a whole; a blank text is no secret."""
    assert tail_of(encoded("pin 4711, 47 11, 471, cGlu"), ["4711", "", " \n"]) == "pin ***, ***, 471, cGlu"


@given(output=st.binary(max_size=3000) | st.text().map(str.encode), secret=secrets, limit=st.integers(0, 2000))
def test_anything_can_be_shown(output: bytes, secret: str, limit: int) -> None:
    """Whatever a machine prints: JSON, UTF-8, printable, bounded."""
    shown = tail_of(encoded(output), [secret], limit)
    assert len(shown) <= limit
    assert json.loads(json.dumps(shown)) == shown
    assert shown.encode().decode() == shown
    assert all(char.isprintable() or char in "\n\t" for char in shown)


@given(output=st.text(max_size=200))
def test_plain_text_can_be_anything_too(output: str) -> None:
    """Output that is not Base64 (lone surrogates included) breaks nothing."""
    assert json.loads(json.dumps(tail_of(output, [KEY]))).encode() is not None


@settings(max_examples=300)
@given(
    many=st.lists(secrets, min_size=1, max_size=3),
    around=st.lists(st.binary(max_size=30) | st.text(max_size=20).map(str.encode), min_size=4, max_size=4),
    cut=st.tuples(st.integers(0, 120), st.integers(0, 120)),
    limit=st.integers(0, 300),
)
@example(many=["a*b*c*d*e*"], around=[b"", b"", b"", b""], cut=(0, 0), limit=300)
@example(many=["abc***defgh", "QRSTUVWX"], around=[b"abc", b"defgh", b"", b""], cut=(0, 0), limit=99)
def test_no_secret_is_ever_shown(many: list[str], around: list[bytes], cut: tuple[int, int], limit: int) -> None:
    """Secrets anywhere in the output, also cut in two by its truncation: no fragment of any of them is left."""
    first, last = many[0].encode(), many[-1].encode()
    output = first[cut[0] :] + around[0] + last + around[1] + first + around[2] + last[: cut[1]] + around[3]
    shown = tail_of(encoded(output), many, limit)
    for secret in many:
        assert not any(piece in shown for piece in fragments(secret))
        assert not any(piece in shown.replace("\n", "") for piece in fragments(secret))


def test_the_largest_output_is_handled() -> None:
    """24 KB of zero bytes around a secret."""
    output = bytes(12_000) + KEY.encode() + bytes(12_000)
    assert tail_of(encoded(output), [KEY, TOKEN] * 3, limit=24_576).replace("\ufffd", "") == "***"
