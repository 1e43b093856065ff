"""Structure-aware mutations of an event, from a seed: the same sample, seed and count give the same bytes anywhere.

Four in five change the structure (inside JSON text and Base64 too, as deep as they go) and are valid JSON; the rest
change the text, and may be anything.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STRANGE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", " ", "x", "null", "\u0000", "\ud800", "é" * 300, "a" * 5000,
    [], {}, [[]], [None], {"": {}}, "..", "../../etc/passwd", "i-", "i-*", "I-BP1ECR012345675GO2GO", "i-bp1\n",
    "i-bp1/../../x", "i-bp1ecr012345675go2gp", "i-" + "a" * 41, "cn-hangzhou\n", "cn-hangzhou.example.com",
    "cn", "CN-HANGZHOU", "cn-hangzhou@example.com", "us-west-1", "1690701234567831", "acs:ecs:::",
    "acs:ecs:cn-beijing:1:instance/i-0",
    "Instance:StateChange", "ecs:Instance:PreemptibleInstanceInterruption", "ess:LifecycleHook:Test", "ECS", "ESS",
    "RDS", "acs.ecs", "acs.oss", "20190409T121826.922+0800", "2019-02-31T00:00:00Z", "9999-12-31T23:59:59Z",
    "SCALE_IN", "SCALE_OUT", "{}", "[]", "e30=", "{", '{"instanceId": "i-bp1ecr012345675go2go"}',
)  # fmt: skip
KEYS = (
    "id", "name", "product", "resourceId", "regionId", "userId", "eventTime", "content", "instanceId", "action",
    "state", "source", "type", "data", "time", "aliyunregionid", "aliyunaccountid", "Message", "messageBody", "body",
    "attrs", "instanceIds", "lifecycleHookId", "lifecycleActionToken", "check", "triggerTime", "triggerName", "",
)  # fmt: skip


@dataclass
class Text:
    """A string that holds JSON: what is inside can be changed, and is put back as text of the same form."""

    inside: Any
    base64: bool


@dataclass(frozen=True)
class Slot:
    """One place in a document."""

    holder: Any
    key: Any

    def get(self) -> Any:
        """What is there."""
        return self.holder.inside if isinstance(self.holder, Text) else self.holder[self.key]

    def put(self, value: Any) -> None:
        """Put something else there."""
        if isinstance(self.holder, Text):
            self.holder.inside = value
        else:
            self.holder[self.key] = value


def mutations(sample: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` mutations of ``sample``, none of them equal to it; at least half are valid JSON."""
    rng = random.Random(seed)
    while count > 0:
        mutated = _of_structure(sample, rng) if rng.random() < 0.8 else _of_text(sample, rng)
        if mutated != sample:
            count -= 1
            yield mutated


def _of_structure(sample: bytes, rng: random.Random) -> bytes:
    """Change one to three places; of a sample in Base64 one in four stays in Base64."""
    thawed = _thaw(sample.decode())
    document = thawed.inside
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        document = rng.choice(STRUCTURAL)([document], rng)
    frozen = _freeze(document)
    if thawed.base64 and rng.random() < 0.25:
        return base64.b64encode(frozen.encode())
    return frozen.encode()


def _of_text(sample: bytes, rng: random.Random) -> bytes:
    return rng.choice(TEXTUAL)(sample, rng)


def _thaw(value: Any) -> Any:
    """Turn every string that holds a JSON object or array into a ``Text``."""
    if isinstance(value, dict):
        return {key: _thaw(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_thaw(inner) for inner in value]
    return _thaw_text(value) if isinstance(value, str) else value


def _thaw_text(text: str) -> Text | str:
    for encoded in (False, True):
        try:
            value = json.loads(base64.b64decode(text, validate=True) if encoded else text)
        except ValueError:
            continue
        if isinstance(value, dict | list):
            return Text(_thaw(value), encoded)
    return text


def _freeze(document: Any) -> str:
    """Write JSON, texts inside first; ASCII only, so that lone surrogates survive."""
    return json.dumps(_frozen(document), separators=(",", ":"))


def _frozen(value: Any) -> Any:
    if isinstance(value, Text):
        text = _freeze(value.inside)
        return base64.b64encode(text.encode()).decode() if value.base64 else text
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return [_frozen(inner) for inner in value] if isinstance(value, list) else value


def _slots(holder: Any) -> list[Slot]:
    """Every place below ``holder``."""
    if isinstance(holder, Text):
        here = [Slot(holder, None)]
    elif isinstance(holder, dict | list):
        here = [Slot(holder, key) for key in (holder if isinstance(holder, dict) else range(len(holder)))]
    else:
        here = []
    return here + [below for slot in here for below in _slots(slot.get())]


def _pick(root: list[Any], rng: random.Random, kind: type | tuple[type, ...] = object) -> Slot:
    """A place that holds a ``kind``; the whole document where there is none."""
    fitting = [slot for slot in _slots(root) if isinstance(slot.get(), kind)]
    return rng.choice(fitting or [Slot(root, 0)])


def drop(root: list[Any], rng: random.Random) -> Any:
    """Leave out one key or element."""
    slot = _pick(root, rng, (dict, list))
    holder = slot.get()
    if holder and isinstance(holder, dict | list):
        del holder[rng.choice(list(holder) if isinstance(holder, dict) else list(range(len(holder))))]
    return root[0]


def rename(root: list[Any], rng: random.Random) -> Any:
    """Give one value another key: another case, or another event's."""
    holder = _pick(root, rng, dict).get()
    if isinstance(holder, dict) and holder:
        key = rng.choice(list(holder))
        holder[rng.choice((key.upper(), key.capitalize(), key + " ", rng.choice(KEYS)))] = holder.pop(key)
    return root[0]


def duplicate(root: list[Any], rng: random.Random) -> Any:
    """Put a value there a second time: under another key, or as another element."""
    holder = _pick(root, rng, (dict, list)).get()
    if isinstance(holder, dict) and holder:
        holder[rng.choice(KEYS)] = rng.choice(list(holder.values()))
    elif isinstance(holder, list):
        holder.extend(holder[:1])
    return root[0]


def replace(root: list[Any], rng: random.Random) -> Any:
    """Put something strange in one place."""
    _pick(root, rng).put(copy.deepcopy(rng.choice(STRANGE_VALUES)))
    return root[0]


def swap(root: list[Any], rng: random.Random) -> Any:
    """Exchange two values that are not inside each other."""
    one, other = _pick(root, rng, (str, int, type(None))), _pick(root, rng, (str, int, type(None)))
    kept = one.get()
    if not isinstance(kept, dict | list | Text) and not isinstance(other.get(), dict | list | Text):
        one.put(other.get())
        other.put(kept)
    return root[0]


def distort(root: list[Any], rng: random.Random) -> Any:
    """Change one string a little."""
    slot = _pick(root, rng, str)
    value = slot.get()
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        slot.put(
            rng.choice(
                (
                    value[:at],
                    value[at:],
                    value.swapcase(),
                    value + "\n",
                    " " + value,
                    value[:at] + rng.choice("*/.:@\x00\u0665\u200b\u0430") + value[at:],
                    value.replace("0", "1"),
                    value[::-1],
                    value * 2,
                )
            )
        )
    return root[0]


def retype(root: list[Any], rng: random.Random) -> Any:
    """Give one value another type or form, the meaning kept as far as possible."""
    slot = _pick(root, rng)
    value = slot.get()
    inside = value.inside if isinstance(value, Text) else value
    slot.put(
        rng.choice(
            (
                [value],
                {"value": value},
                {"content": inside},
                Text(inside, base64=False),
                Text(inside, base64=True),
                inside,
            )
        )
    )
    return root[0]


def wrap(root: list[Any], rng: random.Random) -> Any:
    """Put an envelope around the whole, or several, sensible or not."""
    value = root[0]
    for _ in range(rng.choice((1, 1, 2, 9))):
        value = rng.choice(
            (
                [value],
                [value, {}],
                [Text(value, base64=False)],
                Text(value, base64=False),
                {"Message": Text(value, base64=False)},
                {"body": Text(value, base64=True), "attrs": {}},
                {"source": "acs.ecs", "type": "ecs:Instance:StateChange", "data": value},
                {"type": "mns:Queue:SendMessage", "data": {"messageBody": Text(value, base64=True)}},
            )
        )
    return value


def unwrap(root: list[Any], rng: random.Random) -> Any:
    """Keep only a part of the whole."""
    value = _pick(root, rng, (dict, list, Text)).get()
    return value.inside if isinstance(value, Text) else value


STRUCTURAL: tuple[Callable[[list[Any], random.Random], Any], ...] = (
    drop, drop, rename, duplicate, replace, replace, replace, swap, distort, distort, retype, wrap, unwrap,
)  # fmt: skip


def truncate(sample: bytes, rng: random.Random) -> bytes:
    """Cut the end off."""
    return sample[: rng.randrange(len(sample))]


def flip(sample: bytes, rng: random.Random) -> bytes:
    """Change a few bits."""
    result = bytearray(sample)
    for _ in range(rng.choice((1, 1, 2, 5))):
        result[rng.randrange(len(result))] ^= 1 << rng.randrange(8)
    return bytes(result)


def insert(sample: bytes, rng: random.Random) -> bytes:
    """Put a few bytes in between."""
    at = rng.randrange(len(sample) + 1)
    return (
        sample[:at]
        + rng.choice((b"\xff", b"\x00", b"NaN", b"1e999", b'"', b"}", b"[" * 3000, b",", b"\xef\xbb\xbf"))
        + sample[at:]
    )


def repeat_key(sample: bytes, rng: random.Random) -> bytes:
    """Write a key twice into one object: readers differ on which of the two counts."""
    key = rng.choice(KEYS).encode()
    return sample.replace(b"{", b'{"' + key + b'": "i-0", "' + key + b'": "i-1",', 1)


def number(sample: bytes, rng: random.Random) -> bytes:
    """Put a number that is none, or none for everybody, in place of a value."""
    return sample.replace(b": ", b": " + rng.choice((b"NaN, ", b"-Infinity, ", b"9" * 5000 + b", ", b"1e400, ")), 1)


def bury(sample: bytes, rng: random.Random) -> bytes:
    """Nest it deeper than a reader can follow."""
    depth = rng.choice((70, 1000, 50_000))
    return b'{"content":' * depth + sample + b"}" * depth


TEXTUAL: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncate, truncate, flip, flip, flip, insert, insert, repeat_key, number, bury,
)  # fmt: skip
