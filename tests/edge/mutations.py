"""Structure-aware mutations of an event, from a seed: the same sample, seed and count give the same bytes anywhere.

Four in five change the structure (inside JSON text and Base64 too, as deep as they go) and are valid JSON; the rest
change the text, and may be anything.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

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


class Text(list[Any]):
    """A string that holds JSON, as a list of its content: that can be changed, and is put back as text."""

    def __init__(self, inside: Any, *, base64: bool = False) -> None:
        super().__init__([inside])
        self.base64 = base64


def mutations(sample: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` mutations of ``sample``, none of them equal to it; at least half are valid JSON."""
    rng = random.Random(seed)
    while count > 0:
        mutated = _of_structure(sample, rng) if rng.random() < 0.8 else rng.choice(TEXTUAL)(sample, rng)
        if mutated != sample:
            count -= 1
            yield mutated


def _of_structure(sample: bytes, rng: random.Random) -> bytes:
    """Change one to three places; of a sample in Base64 a quarter stays in Base64."""
    thawed = _thaw(sample.decode())
    root = [thawed[0]]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        root = [rng.choice(STRUCTURAL)(root, rng)]
    frozen = _freeze(root[0]).encode()
    return base64.b64encode(frozen) if thawed.base64 and rng.random() < 0.25 else frozen


def _thaw(value: Any) -> Any:
    """Turn every string that holds a JSON object or array into a ``Text``."""
    if isinstance(value, dict):
        return {key: _thaw(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_thaw(inner) for inner in value]
    for encoded in (False, True) if isinstance(value, str) else ():
        try:
            inside = json.loads(base64.b64decode(value, validate=True) if encoded else value)
        except ValueError:
            continue
        if isinstance(inside, (dict, list)):
            return Text(_thaw(inside), base64=encoded)
    return value


def _freeze(document: Any) -> str:
    """Write JSON, texts inside first; ASCII only, so that lone surrogates survive."""
    return json.dumps(_frozen(document), separators=(",", ":"))


def _frozen(value: Any) -> Any:
    if isinstance(value, Text):
        text = _freeze(value[0] if value else None)
        return base64.b64encode(text.encode()).decode() if value.base64 else text
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return [_frozen(inner) for inner in value] if isinstance(value, list) else value


def _places(holder: Any) -> list[tuple[Any, Any]]:
    """Every place below ``holder``: what it is in, and its key or index there."""
    here = [(holder, key) for key in _keys(holder)]
    return here + [below for _, key in here for below in _places(holder[key])]


def _keys(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder))) if isinstance(holder, list) else []


def _pick(root: list[Any], rng: random.Random, kind: type | tuple[type, ...] = object) -> tuple[Any, Any, Any]:
    """A place that holds a ``kind``, and what that is; the whole document where there is none."""
    fitting = [(holder, key) for holder, key in _places(root) if isinstance(holder[key], kind)]
    holder, key = rng.choice(fitting or [(root, 0)])
    return holder, key, holder[key]


def drop(root: list[Any], rng: random.Random) -> Any:
    """Leave out one key or element."""
    *_, holder = _pick(root, rng, (dict, list))
    if keys := _keys(holder):
        del holder[rng.choice(keys)]
    return root[0]


def rename(root: list[Any], rng: random.Random) -> Any:
    """Give one value another key: another case, or another event's."""
    *_, holder = _pick(root, rng, dict)
    if isinstance(holder, dict) and holder:
        key = rng.choice(list(holder))
        holder[rng.choice((key.upper(), key.capitalize(), key + " ", rng.choice(KEYS)))] = holder.pop(key)
    return root[0]


def duplicate(root: list[Any], rng: random.Random) -> Any:
    """Put a value there a second time: under another key, or as another element."""
    *_, holder = _pick(root, rng, (dict, list))
    if isinstance(holder, dict) and holder:
        holder[rng.choice(KEYS)] = rng.choice(list(holder.values()))
    elif isinstance(holder, list):
        holder.extend(holder[:1])
    return root[0]


def replace(root: list[Any], rng: random.Random) -> Any:
    """Put something strange in one place."""
    holder, key, _ = _pick(root, rng)
    holder[key] = copy.deepcopy(rng.choice(STRANGE_VALUES))
    return root[0]


def swap(root: list[Any], rng: random.Random) -> Any:
    """Exchange two values that are not inside each other."""
    (holder, key, value), (other, place, found) = (_pick(root, rng, (str, int, type(None))) for _ in range(2))
    if not isinstance(value, (dict, list)) and not isinstance(found, (dict, list)):
        holder[key], other[place] = found, value
    return root[0]


def distort(root: list[Any], rng: random.Random) -> Any:
    """Change one string a little."""
    holder, key, value = _pick(root, rng, str)
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        inserted = value[:at] + rng.choice("*/.:@\x00\u0665\u200b\u0430") + value[at:]
        cut = (value[:at], value[at:], value[::-1], value * 2)
        holder[key] = rng.choice((*cut, inserted, value.swapcase(), value + "\n", " " + value, value.replace("0", "1")))
    return root[0]


def retype(root: list[Any], rng: random.Random) -> Any:
    """Give one value another type or form, the meaning kept as far as possible."""
    holder, key, value = _pick(root, rng)
    inside = value[0] if isinstance(value, Text) and value else value
    forms = ([value], {"value": value}, {"content": inside}, Text(inside), Text(inside, base64=True), inside)
    holder[key] = rng.choice(forms)
    return root[0]


def wrap(root: list[Any], rng: random.Random) -> Any:
    """Put an envelope around the whole, or several, sensible or not."""
    value = root[0]
    for _ in range(rng.choice((1, 1, 2, 9))):
        text, encoded = Text(value), Text(value, base64=True)
        state = {"source": "acs.ecs", "type": "ecs:Instance:StateChange", "data": value}
        queue = {"type": "mns:Queue:SendMessage", "data": {"messageBody": encoded}}
        lists, objects = ([value], [value, {}], [text]), ({"Message": text}, {"body": encoded, "attrs": {}})
        value = rng.choice((*lists, text, *objects, state, queue))
    return value


def unwrap(root: list[Any], rng: random.Random) -> Any:
    """Keep only a part of the whole."""
    *_, value = _pick(root, rng, (dict, list))
    return value[0] if isinstance(value, Text) and value else value


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
    odd = (b"\xff", b"\x00", b"NaN", b"1e999", b'"', b"}", b"[" * 3000, b",", b"\xef\xbb\xbf")
    return sample[:at] + rng.choice(odd) + sample[at:]


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
