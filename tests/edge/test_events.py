"""Events in every envelope, whole and broken."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotkeeper.errors import MalformedEvent
from spotkeeper.events.envelopes import Batch, unwrap
from spotkeeper.events.kinds import (
    CheckOnDemand,
    HookResult,
    Interruption,
    LifecycleHook,
    StateChange,
    Timer,
    Transition,
)
from spotkeeper.events.notification import Kind, Notification
from tests.edge.mutations import mutations
from tests.edge.samples import DOCUMENTED, FOLDER, INTERRUPTIONS, SAMPLES

ACCOUNT = "1690701234567830"
INSTANCE = "i-bp1ecr012345675go2go"
NOTICED_AT = 1554783506.922  # 20190409T121826.922+0800
VIEWS: dict[Kind, Callable[[Notification, str], object]] = {
    Kind.INTERRUPTION: Interruption.of,
    Kind.STATE_CHANGE: StateChange.of,
    Kind.LIFECYCLE_HOOK: LifecycleHook.of,
    Kind.CHECK: CheckOnDemand.of,
    Kind.TIMER: Timer.of,
}


def only(raw: bytes | str) -> Notification:
    """The single event in ``raw``; if it is an error, that is raised."""
    (element,) = unwrap(raw)
    if isinstance(element, MalformedEvent):
        raise element
    return element


def notification(event: object) -> Notification:
    """The notification in ``event``."""
    return only(json.dumps(event))


def interruption(event: object) -> Interruption:
    """The interruption that ``event`` reports."""
    return Interruption.of(notification(event), "cn-default")


def changed(**fields: Any) -> dict[str, Any]:
    """The documented interruption with other fields; ``...`` leaves a field out."""
    return {key: value for key, value in {**DOCUMENTED, **fields}.items() if value is not ...}


def essence(raw: bytes | str) -> tuple[object, ...]:
    """What every envelope of the same interruption must agree on, but for the time that the debug form lacks."""
    event = Interruption.of(only(raw), "cn-default")
    return event.instance_id, event.region, event.account_id, event.action


# --- samples


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_of_the_kind_that_its_name_says(name: str) -> None:
    """Every sample unwraps to one event of the kind in its file name, and its view accepts it."""
    read = only(SAMPLES[name])

    kind = Kind[name.partition(".")[0].upper().replace("-", "_")]
    expected = Kind.LIFECYCLE_HOOK_TEST if name == "lifecycle-hook.test.json" else kind
    assert expected is read.kind
    assert read.kind not in VIEWS or VIEWS[read.kind](read, "cn-hangzhou")


@pytest.mark.parametrize("name", INTERRUPTIONS)
def test_every_envelope_says_the_same(name: str) -> None:
    """The samples of interruptions differ in nothing but the envelope."""
    debug = "debug" in name

    assert essence(SAMPLES[name]) == (INSTANCE, "cn-hangzhou", ACCOUNT, "delete")
    assert (None if debug else NOTICED_AT) == only(SAMPLES[name]).time


def test_every_sample_is_in_the_table() -> None:
    """events/README.md lists each file once, and no other."""
    listed = re.findall(r"^\| `([^`]+)`", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(SAMPLES) == sorted(listed)


def test_lifecycle_hook_sample() -> None:
    """Auto Scaling's canonical notification is read whole."""
    hook = LifecycleHook.of(only(SAMPLES["lifecycle-hook.scale-in.json"]), "cn-default")

    assert hook == LifecycleHook(
        id=hook.id,
        name="lifecycle hook",
        region="cn-shenzhen",
        account_id=ACCOUNT,
        time=1529550477.641,
        hook_id="ash-wz9012345678abcdefgh",
        hook_name="SCALE_IN_TEST",
        token="C8BEAE68-CB77-4E60-986D-1E8BBF1A6B99",
        scaling_group_id="asg-wz9012345678abcdefgh",
        scaling_activity_id="asa-wz9012345678abcdefgh",
        transition=Transition.SCALE_IN,
        default_result=HookResult.CONTINUE,
        instance_ids=tuple(f"i-wz9012345678abcdefg{n}" for n in range(1, 6)),
        notification_metadata="测试 SCALE_IN HOOK",
    )


def test_other_views_of_samples() -> None:
    """A state change, a check and a timer say what their samples say."""
    change = StateChange.of(only(SAMPLES["state-change.stopped.json"]), "cn-default")
    check = CheckOnDemand.of(only(SAMPLES["check.json"]), "cn-default")
    timer = Timer.of(only(SAMPLES["timer.json"]), "cn-default")

    assert (change.instance_id, change.state, change.time) == (INSTANCE, "Stopped", 1554783810.0)
    assert (check.check, check.region, check.account_id) == ("system-up", "cn-default", None)
    assert (timer.trigger_name, timer.payload, timer.trigger_time) == ("sweep", '{"job":"sweep"}', 1703576940.0)


# --- envelopes


def base64_of(text: str) -> str:
    """Base64 of UTF-8, as publishers write it."""
    return base64.b64encode(text.encode()).decode()


def cloud_event(kind: str, data: object) -> str:
    """A CloudEvents object around ``data``."""
    return json.dumps({"id": "1", "specversion": "1.0", "source": "some.queue", "type": kind, "data": data})


CARRIERS: dict[str, Callable[[str], str]] = {
    "base64": base64_of,
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "json text": json.dumps,
    "topic": lambda text: json.dumps({"TopicName": "t", "Message": text}),
    "topic base64": lambda text: json.dumps({"TopicName": "t", "Message": base64_of(text)}),
    "stream with attributes": lambda text: json.dumps({"body": text, "attrs": {"k": "v"}}),
    "queue": lambda text: cloud_event("mns:Queue:SendMessage", {"messageBody": text}),
    "queue base64": lambda text: cloud_event("mns:Queue:SendMessage", {"messageBody": base64_of(text)}),
    "queue raw data": lambda text: json.dumps({"messageBody": text, "messageId": "1"}),
    "array of texts": lambda text: json.dumps([text]),
}


@given(st.lists(st.sampled_from(sorted(set(CARRIERS) - {"array of texts"})), max_size=3), st.booleans())
@settings(max_examples=150, deadline=None)
def test_carriers_in_any_combination(names: list[str], in_array: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
    """Whatever carries it, in an array or not, the event inside is the same, its id too."""
    text = json.dumps(DOCUMENTED)
    for name in names:
        text = CARRIERS[name](text)
    raw = CARRIERS["array of texts"](text) if in_array else text

    assert isinstance(unwrap(raw), Batch) is in_array
    assert Interruption.of(notification(DOCUMENTED), "cn-default") == Interruption.of(only(raw), "cn-default")


INSTANCE_IDS = st.from_regex(r"i-[a-z0-9]{1,40}", fullmatch=True)
REGIONS = st.from_regex(r"[a-z]{2,3}(-[a-z0-9]{1,6}){1,3}", fullmatch=True)
ACCOUNTS = st.from_regex(r"[0-9]{16}", fullmatch=True)


@given(INSTANCE_IDS, REGIONS, ACCOUNTS, st.datetimes())
@settings(max_examples=100, deadline=None)
def test_cloudmonitor_and_eventbridge_agree(instance: str, region: str, account: str, moment: Any) -> None:
    """Any well-formed interruption reads the same in the two products' own forms."""
    content = {"instanceId": instance, "action": "delete"}
    time = moment.strftime("%Y%m%dT%H%M%S.") + f"{moment.microsecond // 1000:03}+0800"
    iso = moment.isoformat(timespec="milliseconds") + "+08:00"
    arn = f"acs:ecs:{region}:{account}:instance/{instance}"
    monitor = changed(resourceId=arn, userId=account, regionId=region, eventTime=time.zfill(24), content=content)
    bridge = {
        "id": DOCUMENTED["id"],
        "source": "acs.ecs",
        "type": "ecs:Instance:PreemptibleInstanceInterruption",
        "time": iso,
        "aliyunregionid": region,
        "aliyunaccountid": account,
    }

    expected = interruption(monitor)
    for data in (content, json.dumps(content), {"content": content}, {"content": json.dumps(content)}, monitor):
        read = interruption({**bridge, "data": data})
        assert (instance, region, account) == (read.instance_id, read.region, read.account_id)
        assert (expected.time, expected.action, expected.id) == (read.time, read.action, read.id)


def test_a_batch_keeps_order_and_bad_elements() -> None:
    """Each element of an array has its place in the list, as an event or as the error that it is."""
    batch = unwrap(json.dumps([DOCUMENTED, 5, json.dumps(changed(name="Instance:StateChange")), "{", [DOCUMENTED]]))

    kinds = [type(element) if isinstance(element, MalformedEvent) else element.kind for element in batch]
    assert [Kind.INTERRUPTION, MalformedEvent, Kind.STATE_CHANGE, MalformedEvent, MalformedEvent] == kinds


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"hello topic",
        b"{",
        b"5",
        b"null",
        b"true",
        b'"text"',
        b"{}",
        b'{"content": {}}',
        b"NaN",
        b"e30=",
        base64.b64encode(b"hello topic"),
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"9" * 100_000,
        b'{"product": "ECS", "content": {"instanceId": "i-1"}}',
        b'{"instanceId": "i-1", "action": "delete"}',
        b'{"Message": null}',
        b'{"Message": "hello topic"}',
        b'{"type": 5, "data": {}}',
        b'{"type": null, "data": {}}',
        b'{"name": "", "content": {}}',
        b'{"name": null}',
        b'{"name": ["Instance:StateChange"]}',
        b'{"name": "Instance:StateChange", "product": 5}',
        b'{"name": "Instance:StateChange", "name": "Instance:StateChange"}',
        b'{"name": "Instance:StateChange", "x": Infinity}',
        b'{"name": "Instance:StateChange", "x": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"name": "Instance:StateChange", "x": ' + b"9" * 50 + b"}",
        b'{"product": "RDS", "content": {"lifecycleHookId": "h", "lifecycleActionToken": "t"}}',
    ],
    ids=lambda raw: repr(raw[-32:]),
)
def test_input_without_meaning_is_malformed(raw: bytes) -> None:
    """What is not an event at all is refused as a whole."""
    with pytest.raises(MalformedEvent):
        unwrap(raw)


@pytest.mark.parametrize("raw", [None, 5, {}, [], bytearray(b"{}")])
def test_input_of_another_type_is_malformed(raw: Any) -> None:
    """Only bytes and str are read."""
    with pytest.raises(MalformedEvent, match="bytes or str"):
        unwrap(raw)


def test_envelopes_have_a_limit() -> None:
    """Envelopes inside each other end somewhere."""
    text: Any = DOCUMENTED
    for _ in range(20):
        text = {"Message": text}

    with pytest.raises(MalformedEvent, match="envelopes"):
        notification(text)


# --- kinds


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (changed(name="ecs:Instance:PreemptibleInstanceInterruption"), Kind.INTERRUPTION),
        (changed(name="instance:preemptibleinstanceinterruption"), Kind.OTHER),
        (changed(name="Instance:PreemptibleInstanceInterruption "), Kind.OTHER),
        (changed(product="RDS"), Kind.OTHER),
        (changed(product="ESS"), Kind.OTHER),
        (changed(product=...), Kind.INTERRUPTION),
        (changed(level="CRITICAL"), Kind.INTERRUPTION),
        (changed(name="Disk:DiskOperationCompleted", content=[], regionId=5, resourceId=None, userId=7), Kind.OTHER),
        ({"type": "ecs:Disk:DiskOperationCompleted", "source": "acs.ecs", "data": 5}, Kind.OTHER),
        ({"type": "ecs:Instance:StateChange", "source": "acs.ecs", "data": 5}, Kind.STATE_CHANGE),
        ({"type": "ecs:Instance:StateChange", "source": "my.app", "data": {"resourceId": "i-1"}}, Kind.OTHER),
        ({"type": "my:Forwarder", "source": "my.app", "data": DOCUMENTED}, Kind.INTERRUPTION),
        ({"type": "my:Forwarder", "source": "my.app", "data": {"check": "c", "instanceIds": ["i-1"]}}, Kind.CHECK),
        ({"type": "ess:LifecycleHook:ScaleIn", "source": "acs.ess", "data": {}}, Kind.LIFECYCLE_HOOK),
        ({"type": "ess:LifecycleHook:Test", "source": "acs.ess", "data": {}}, Kind.LIFECYCLE_HOOK_TEST),
        ({"lifecycleHookId": 5, "lifecycleActionToken": None}, Kind.LIFECYCLE_HOOK),
        ({"product": "ESS", "content": '{"lifecycleHookId": "h", "lifecycleActionToken": "t"}'}, Kind.LIFECYCLE_HOOK),
        ({"check": 5}, Kind.CHECK),
        ({"triggerTime": "", "triggerName": 5}, Kind.TIMER),
    ],
)
def test_kind(event: object, kind: Kind) -> None:
    """The kind is known before anything else is read, and nothing else can spoil it."""
    assert kind is notification(event).kind


# --- ids, accounts, regions, times


ILL_FORMED_IDS = ("i-*", f"{INSTANCE}\n", INSTANCE.upper(), "i-\u0665", f"i-{'a' * 41}", "i-other")
ILL_FORMED_REGIONS = ("cn-hangzhou\n", "cn-hangzhou.evil.example", "CN-HANGZHOU", f"cn-{'a' * 60}", "cn", "", None)


@pytest.mark.parametrize(
    "changes",
    [
        *({"content": {"instanceId": value}} for value in (*ILL_FORMED_IDS, "", None, 5, [INSTANCE])),
        *({"content": {"instanceId": value}, "resourceId": ...} for value in ("i-1/../x", "i-1\n")),
        *({"content": content} for content in ("delete", "[]")),
        {"content": []},
        {"content": None},
        *({"resourceId": value} for value in ("nonsense", None, DOCUMENTED["resourceId"] + "/../x")),
        *({"regionId": value} for value in ILL_FORMED_REGIONS),
        *({"userId": value} for value in (5, None, "")),
        {"content": {"instanceId": INSTANCE, "resourceId": "i-other"}},
        {"content": {"instanceId": INSTANCE, "action": 5}},
        {"content": {}, "resourceId": ...},
        {"content": ..., "resourceId": ..., "instanceId": INSTANCE},
        {"regionId": ..., "resourceId": f"acs:ecs:<Region>:{ACCOUNT}:instance/{INSTANCE}"},
        {"id": 5},
        {"eventTime": 1554783506922},
    ],
)
def test_ill_formed_interruption(changes: dict[str, Any]) -> None:
    """Wrong types and ill-formed ids or regions are refused, once the kind is known to be ours."""
    event = changed(**changes)
    assert Kind.INTERRUPTION is notification(event).kind
    with pytest.raises(MalformedEvent):
        interruption(event)


def test_instance_id_from_the_resource_name_alone() -> None:
    """Without an id in its content, an event is about what its resource name says."""
    assert interruption(changed(content={"action": "delete"})).instance_id == INSTANCE


def test_debug_form_with_a_template_that_was_not_filled_in() -> None:
    """The console's debug form works with its resource name left as offered."""
    arn = "acs:ecs:cn-shanghai:<Alibaba Cloud account ID>UID:instance/<resource-id>"
    event = interruption(changed(resourceId=arn, id=..., eventTime=..., userId=...))

    assert (event.instance_id, event.region, event.account_id, event.time) == (INSTANCE, "cn-hangzhou", None, None)


def cloud_event_of(data: object = None, **attributes: str) -> dict[str, Any]:
    """An interruption as EventBridge delivers it."""
    kind = "ecs:Instance:PreemptibleInstanceInterruption"
    return {"type": kind, "source": "acs.ecs", "data": data or {"instanceId": INSTANCE}, **attributes}


@pytest.mark.parametrize(
    ("event", "region"),
    [
        (changed(), "cn-hangzhou"),
        (changed(regionId="us-west-1"), "us-west-1"),
        (changed(regionId="me-east-1"), "me-east-1"),
        (changed(regionId="cn-hangzhou-finance"), "cn-hangzhou-finance"),
        (changed(regionId=...), "cn-hangzhou"),
        (changed(regionId=..., resourceId=f"acs:ecs::{ACCOUNT}:instance/{INSTANCE}"), "cn-default"),
        (changed(regionId=..., resourceId=...), "cn-default"),
        (cloud_event_of(aliyunregionid="us-west-1", subject="acs.ecs:cn-beijing:1:x"), "us-west-1"),
        (cloud_event_of(subject=f"acs:ecs:cn-beijing:{ACCOUNT}:instance/{INSTANCE}"), "cn-beijing"),
        (cloud_event_of(subject="anything"), "cn-default"),
        (cloud_event_of(), "cn-default"),
        (cloud_event_of(DOCUMENTED, aliyunregionid="cn-beijing"), "cn-hangzhou"),
    ],
)
def test_region(event: object, region: str) -> None:
    """The event's own region, else its resource name's, else its bus's, else its subject's, else the function's."""
    assert region == interruption(event).region


def test_ill_formed_default_region() -> None:
    """Not even the context's region gets by unchecked."""
    with pytest.raises(MalformedEvent, match="not a region"):
        Interruption.of(notification(changed(regionId=..., resourceId=...)), "cn-hangzhou/..")


@pytest.mark.parametrize(
    ("event", "account"),
    [
        (changed(), ACCOUNT),
        (changed(userId=...), ACCOUNT),
        (changed(userId=..., resourceId=f"acs:ecs:cn-hangzhou:{ACCOUNT}UID:instance/{INSTANCE}"), None),
        (changed(userId=..., resourceId=...), None),
    ],
)
def test_account(event: object, account: str | None) -> None:
    """The event's own account, else its resource name's where that is an account."""
    assert account == interruption(event).account_id


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (cloud_event_of(DOCUMENTED, aliyunaccountid="1"), "different accounts"),
        (cloud_event_of(DOCUMENTED, type="ecs:Instance:StateChange"), "envelope says"),
    ],
)
def test_contradictions(event: object, message: str) -> None:
    """An envelope of one account or kind around an event of another is refused."""
    with pytest.raises(MalformedEvent, match=message):
        interruption(event)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("20190409T121826.922+0800", NOTICED_AT),
        ("20190409T121826+0800", 1554783506.0),
        ("2019-04-09T04:18:26.922Z", NOTICED_AT),
        ("2019-04-09T12:18:26.922123456+08:00", 1554783506.922123),
        ("2019-04-08T23:48:26.922-04:30", NOTICED_AT),
        ("2019-11-11T11:00Z", 1573470000.0),
        ("2019-04-09T12:18:26", None),
        ("2019-02-31T00:00:00Z", None),
        ("2019-04-09T04:18:26+99:00", None),
        ("20190409T121826.922+0800\n", None),
        ("\u0662\u0660\u0661\u06690409T121826.922+0800", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_time(written: str | None, seconds: float | None) -> None:
    """Every spelling of the platform is read; what cannot be read is no time, never now."""
    assert seconds == notification(changed(eventTime=written)).time


def test_event_time_wins() -> None:
    """CloudMonitor's own time counts, EventBridge's where that is missing or cannot be read."""
    assert notification(cloud_event_of(DOCUMENTED, time="2019-11-11T11:00Z")).time == NOTICED_AT
    assert notification(cloud_event_of(changed(eventTime="soon"), time="2019-11-11T11:00Z")).time == 1573470000.0


def test_event_without_an_id() -> None:
    """Two deliveries of one event share the id that is made for it; another event has another."""
    event = changed(id=...)

    assert notification(event).id == notification({"Message": json.dumps(event)}).id
    assert notification(event).id != notification(changed(id=..., eventTime="2019-11-11T11:00Z")).id
    assert notification(event).id != notification(changed(id=..., content={"instanceId": "i-other"})).id
    assert notification(changed(id=..., content={"instanceId": "\ud800"})).id


# --- hooks, checks and timers


HOOK = json.loads(SAMPLES["lifecycle-hook.scale-out.json"])


def hook(**content: Any) -> LifecycleHook:
    """The sample's hook with other content; ``...`` leaves a field out."""
    fields = {key: value for key, value in {**HOOK["content"], **content}.items() if value is not ...}
    return LifecycleHook.of(notification({**HOOK, "content": fields}), "cn-default")


@pytest.mark.parametrize(
    "content",
    [
        {"lifecycleHookId": 5},
        {"lifecycleActionToken": ""},
        {"lifecycleTransition": "SIDEWAYS"},
        {"lifecycleTransition": ...},
        {"defaultResult": "MAYBE"},
        {"instanceIds": ...},
        {"instanceIds": []},
        {"instanceIds": {}},
        {"instanceIds": "i-1"},
        {"instanceIds": ["i-1", "i-*"]},
        {"instanceIds": ["i-1", None]},
        {"notificationMetadata": {}},
    ],
    ids=str,
)
def test_ill_formed_hook(content: dict[str, Any]) -> None:
    """A hook without a usable id, token, transition or instances is refused."""
    with pytest.raises(MalformedEvent):
        hook(**content)


def test_hook_with_less() -> None:
    """What nothing depends on may be missing, instances may come as text, and count once."""
    read = hook(instanceIds='["i-1", "i-2", "i-1"]', notificationMetadata=None, defaultResult=..., scalingGroupId=...)

    assert read.instance_ids == ("i-1", "i-2")
    assert (read.notification_metadata, read.default_result, read.scaling_group_id) == (None, None, None)


def test_transition_in_the_events_name() -> None:
    """EventBridge's type stands in for a missing transition, and must not contradict it."""
    data = dict(HOOK["content"])
    event = {"type": "ess:LifecycleHook:ScaleIn", "source": "acs.ess", "data": data}
    with pytest.raises(MalformedEvent, match="SCALE_IN"):
        LifecycleHook.of(notification(event), "cn-default")

    del data["lifecycleTransition"]
    assert Transition.SCALE_IN is LifecycleHook.of(notification(event), "cn-default").transition


@pytest.mark.parametrize(
    "event",
    [
        {"check": 5, "instanceIds": ["i-1"]},
        {"check": "", "instanceIds": ["i-1"]},
        {"check": "c"},
        {"check": "c", "instanceIds": ["../x"]},
        {"check": "c", "instanceIds": ["i-1"], "regionId": "Europe"},
        {"triggerTime": 5, "triggerName": "t"},
        {"triggerTime": "2023-12-26T07:49:00Z", "triggerName": ""},
        {"triggerTime": "2023-12-26T07:49:00Z", "triggerName": "t", "payload": {}},
    ],
    ids=str,
)
def test_ill_formed_check_or_timer(event: dict[str, Any]) -> None:
    """Checks and timers of wrong types are refused."""
    read = notification(event)

    with pytest.raises(MalformedEvent):
        VIEWS[read.kind](read, "cn-hangzhou")


# --- anything


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([INSTANCE, "cn-hangzhou", "e30="]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted({*DOCUMENTED, "type", "data", "Message", "instanceId"})), inner)
        | inner.map(json.dumps)
    ),
    max_leaves=12,
)


def read_everything(raw: bytes | str) -> int:
    """Unwrap and view all; returns the number of events. Nothing but ``MalformedEvent`` may come out of it."""
    try:
        elements = unwrap(raw)
    except MalformedEvent:
        return 0
    for element in elements:
        if isinstance(element, MalformedEvent):
            continue
        try:
            assert element.account_id is None or isinstance(element.account_id, str)
            view = VIEWS.get(element.kind)
            if view is not None:
                view(element, "cn-hangzhou")
        except MalformedEvent:
            continue
    return len(elements)


@given(st.binary() | st.text() | JSON_VALUES.map(json.dumps))
@settings(max_examples=300, deadline=None)
def test_anything_is_an_event_or_malformed(raw: bytes | str) -> None:
    """No input makes the parser raise anything but ``MalformedEvent``."""
    read_everything(raw)


@given(st.dictionaries(st.sampled_from(sorted(DOCUMENTED)), JSON_VALUES))
@settings(max_examples=300, deadline=None)
def test_an_accepted_interruption_is_well_formed(fields: dict[str, Any]) -> None:
    """Whatever is put into the documented event: it is refused, or its id and region are well-formed."""
    try:
        event = interruption({**DOCUMENTED, **fields, "name": DOCUMENTED["name"]})
    except MalformedEvent:
        return
    assert re.fullmatch(r"i-[a-z0-9]{1,40}", event.instance_id)
    assert re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]+)+", event.region)


@pytest.mark.parametrize("name", SAMPLES)
def test_mutations(name: str) -> None:
    """No mutation of a sample makes the parser fail; they repeat, and differ from each other and from the sample."""
    mutated = list(mutations(SAMPLES[name], 7, 200))

    assert mutated == list(mutations(SAMPLES[name], 7, 200))
    assert SAMPLES[name] not in mutated
    assert len(set(mutated)) > 140
    for raw in mutated:
        read_everything(raw)
