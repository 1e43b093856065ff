"""Schedules that the search has found a violation with, each mended since: played again for ever."""

from __future__ import annotations

import pytest

from chaos.run import judge
from chaos.schedule import Schedule

FOUND = {
    "an attempt and memberships of somebody else before the first call": (
        '{"scenario":"neighbours","deliveries":[{"at":60.0},{"at":100.0}],"pause":150.0,"phase":59.0,"seed":429441,'
        '"deeds":[{"what":"types:attempt-1","at":60.0},{"what":"list:memberships"}]}'
    ),
    "three refusals that need a human, and a call that dies": (
        '{"scenario":"never-arrives","deliveries":[],"faults":[{"action":"ecs:RunInstances",'
        '"effect":"code:Account.Arrearage","times":3},{"action":"*","effect":"kill-before","call":85}],"pause":5.0,'
        '"seed":571233,"runs":1}'
    ),
    "a short call that is throttled, and none after it before the release": (
        '{"scenario":"short-timeout","faults":[{"action":"ecs:DescribeInstances","effect":"throttle"}],"pause":400.0,'
        '"seed":833712}'
    ),
    "a call that dies while it writes an end where somebody else's stands": (
        '{"scenario":"realistic","deliveries":[{"at":235.0,"turns":[14,16,21]},{"at":700.0,"event":"bridge"},'
        '{"at":2000.0,"event":"bridge"}],"faults":[{"action":"*","effect":"kill-after","call":90},{"action":"slb:*",'
        '"effect":"code:Throttling.Api","times":null,"seconds":60.0},{"action":"ecs:*","effect":"code:Throttling.Api",'
        '"times":null,"skip":6,"seconds":60.0}],"seed":538118,"deeds":[{"what":"half:done","call":37}]}'
    ),
    "a call that dies at its first record, and the next after the release": (
        '{"scenario":"at-once","deliveries":[{"at":235.0}],"faults":[{"action":"oss:PutObject","effect":"kill-after"}],'
        '"pause":400.0,"phase":23.0,"seed":501073}'
    ),
    "an event from before the first call, and another record after that": (
        '{"scenario":"slow-image","faults":[{"action":"slb:SetVServerGroupAttribute","effect":"code:ServiceUnavailable",'
        '"times":3},{"action":"slb:AddVServerGroupBackendServers","effect":"code:OperationBusy","times":2}],"pause":5.0,'
        '"phase":23.0,"seed":647678,"deeds":[{"what":"half:event"},{"what":"types:running","at":120.0}]}'
    ),
    "a loss without a journal, and the event again": (
        '{"scenario":"busy-clb","faults":[{"action":"oss:ListObjectsV2","effect":"garbage","times":null,'
        '"seconds":330.0}],"seed":729772}'
    ),
    "a launch spec that is overwritten when nobody needs it any more": (
        '{"scenario":"eventual","faults":[{"action":"ecs:DescribeInstanceRamRole","effect":"kill-after"},'
        '{"action":"slb:DescribeVServerGroups","effect":"code:InvalidSecurityToken.Expired","times":3}],"phase":23.0,'
        '"seed":154930,"deeds":[{"what":"half:launch-spec","at":120.0}],"history":2000}'
    ),
    "a source that is released between the last look and the search": (
        '{"scenario":"realistic","faults":[{"action":"*","effect":"kill-before","call":103},{"action":"*",'
        '"effect":"kill-before","call":20}],"phase":59.0,"seed":778418,"deeds":[{"what":"half:memberships","at":20.0}],'
        '"runs":1}'
    ),
    "a launch request that somebody else writes before the call does": (
        '{"scenario":"eventual","seed":804484,"deeds":[{"what":"types:launch-request-1-1","call":65}]}'
    ),
    "a forged port before the first call, and groups that are throttled for a minute": (
        '{"scenario":"neighbours","deliveries":[],"faults":[{"action":"slb:DescribeVServerGroupAttribute",'
        '"effect":"throttle","times":null,"seconds":60.0}],"phase":7.0,"deeds":[{"what":"forged-port"}]}'
    ),
    "an event that is overwritten while the last call dies": (
        '{"scenario":"slow-image","deliveries":[],"faults":[{"action":"*","effect":"kill-after","call":141}],'
        '"deeds":[{"what":"half:event","at":120.0}],"runs":1}'
    ),
    "a call takes what a call beside it has removed for forged": (
        '{"scenario":"neighbours","deliveries":[{"turns":[34,18]},{"at":2000.0,"event":"timer"}],'
        '"faults":[{"action":"*","effect":"kill-after","call":90},{"action":"slb:DescribeLoadBalancers",'
        '"effect":"throttle-second","times":null,"seconds":20.0}],"pause":150.0,"seed":301996}'
    ),
    "disks throttled until the image is usable": (
        '{"scenario":"slow-snapshots","faults":[{"action":"slb:DescribeLoadBalancers","effect":"throttle","times":null,'
        '"seconds":60.0},{"action":"ecs:DescribeDisks","effect":"throttle","times":null,"seconds":60.0}],"seed":891148}'
    ),
    "disks and image refused by a snapshot that runs": (
        '{"scenario":"slow-image","faults":[{"action":"ecs:ModifyDiskAttribute",'
        '"effect":"code:IncorrectDiskStatus.CreatingSnapshot","times":null,"seconds":60.0},{"action":"ecs:CreateImage",'
        '"effect":"code:IncorrectDiskStatus.CreatingSnapshot","times":null,"seconds":60.0}],"seed":947710}'
    ),
    "a call beside this one has superseded a forged record": (
        '{"scenario":"slow-image","deliveries":[{"turns":[39,41]}],"faults":[{"action":"slb:DescribeLoadBalancers",'
        '"effect":"throttle-second","times":null,"seconds":60.0}],"deeds":[{"what":"forged-port"}]}'
    ),
    "a forged record while the memberships are looked for": (
        '{"scenario":"many-places","seed":978744,"deeds":[{"what":"forged-port","call":14}]}'
    ),
    "forged memberships, and a search that loses an answer": (
        '{"scenario":"many-places","faults":[{"action":"slb:DescribeVServerGroups","effect":"reset-after"}],'
        '"deeds":[{"what":"forged-port"}]}'
    ),
    "memberships of another server once the source has left its groups": (
        '{"scenario":"many-places","faults":[{"action":"*","effect":"kill-after","call":48}],'
        '"deeds":[{"what":"forged-server","call":40}]}'
    ),
    "an attempt that somebody else writes while a call begins": (
        '{"scenario":"slow-image","deeds":[{"what":"list:attempt-1","call":5}]}'
    ),
    "a look at the replacement that is throttled while its group is busy": (
        '{"scenario":"busy-clb","deliveries":[],"faults":[{"action":"ecs:*","effect":"throttle-second","times":null,'
        '"seconds":330.0,"rate":1}]}'
    ),
    "an end that somebody else has written, and calls that die": (
        '{"scenario":"realistic","deliveries":[],"faults":[{"action":"*","effect":"kill-after","call":18},'
        '{"action":"*","effect":"kill-after","call":86}],"deeds":[{"what":"list:done","call":38}],"runs":1}'
    ),
    "disks recorded for the launch spec, and never retained": (
        '{"scenario":"slow-snapshots","faults":[{"action":"ecs:RunInstances","effect":"kill-after"},'
        '{"action":"slb:DescribeLoadBalancers","effect":"throttle-second"},{"action":"ecs:DescribeDisks",'
        '"effect":"throttle-second","times":null,"seconds":60.0}],"seed":533416}'
    ),
    "somebody else's end beside a loss": (
        '{"scenario":"slow-image","faults":[{"action":"*","effect":"kill-before","call":70},'
        '{"action":"ecs:DescribeUserData","effect":"code:InvalidSecurityToken.Expired","times":3}],"pause":150.0,'
        '"deeds":[{"what":"list:done","call":93}]}'
    ),
    "somebody else's end before the rescue": (
        '{"scenario":"slow-snapshots","deliveries":[],"deeds":[{"what":"types:done"}],"runs":1}'
    ),
    "a record that cannot be read, and no room for an image": (
        '{"scenario":"busy-clb","deliveries":[],"faults":[{"action":"ecs:CreateImage",'
        '"effect":"code:QuotaExceed.Image"}],"deeds":[{"what":"list:drained"}]}'
    ),
    "throttled until the credentials end": (
        '{"scenario":"credentials-expire","deliveries":[{"at":150.0}],"faults":[{"action":"ecs:CreateImage",'
        '"effect":"throttle"}],"pause":400.0}'
    ),
    "flags overwritten once they were changed": (
        '{"scenario":"realistic","deliveries":[],"faults":[{"action":"ecs:DescribeInstanceRamRole",'
        '"effect":"code:Forbidden.RAM","times":3}],"deeds":[{"what":"empty:disks","call":74}]}'
    ),
    "a port forged after the removal, beside a neighbour that refuses": (
        '{"scenario":"neighbours","deliveries":[],"faults":[{"action":"slb:*","effect":"code:InvalidParameter",'
        '"times":null,"on":"api"}],"deeds":[{"what":"forged-port","call":115}]}'
    ),
    "memberships overwritten between weight 0 and the record of it": (
        '{"scenario":"eventual","faults":[{"action":"*","effect":"kill-after","call":26}],'
        '"deeds":[{"what":"empty:memberships","call":40}],"runs":1}'
    ),
    "a port forged between weight 0 and the record of it": (
        '{"scenario":"eventual","faults":[{"action":"*","effect":"kill-after","call":26}],'
        '"deeds":[{"what":"forged-port","call":40}],"runs":1}'
    ),
    "flags read after a call beside this one has changed them": (
        '{"scenario":"neighbours","deliveries":[{"turns":[8,12]}],"faults":[{"action":"ecs:DescribeDisks",'
        '"effect":"code:InvalidSecurityToken.Expired"}]}'
    ),
    "the try after a failed image gets no answer": (
        '{"scenario":"image-fails","deliveries":[],"faults":[{"action":"ecs:CreateImage","effect":"cut","times":null,'
        '"seconds":200.0}]}'
    ),
    "a second image that cannot be deleted yet": (
        '{"scenario":"image-fails","deliveries":[{"turns":[43,20]}],"faults":[{"action":"ecs:DeleteImage",'
        '"effect":"throttle","retry_after_ms":1500}]}'
    ),
    "memberships overwritten once the source has left its groups": (
        '{"scenario":"many-places","faults":[{"action":"*","effect":"kill-after","call":66},'
        '{"action":"slb:SetBackendServers","effect":"kill-after"}],"deeds":[{"what":"types:memberships","call":42}]}'
    ),
    "a start that was accepted, whose record the journal refuses": (
        '{"scenario":"stops-again","deliveries":[{"event":"stopped"}],"faults":[{"action":"oss:PutObject",'
        '"effect":"code:SecurityTokenExpired","skip":1}],"pause":400.0}'
    ),
    "a record that no call can read, handed over for hours": (
        '{"scenario":"slow-image","deliveries":[{},{"at":700.0,"event":"bridge"},{"at":2000.0}],"faults":'
        '[{"action":"slb:DescribeLoadBalancers","effect":"cut","times":null,"seconds":90.0},'
        '{"action":"ecs:DescribeUserData","effect":"code:Throttling.Api","times":null,"seconds":60.0}],'
        '"pause":20.0,"phase":7.0,"seed":549389,"deeds":[{"what":"empty:drained","at":400.0}]}'
    ),
    "memberships overwritten before the first, of a source with a weight 0 of its own": (
        '{"scenario":"neighbours","deliveries":[],"faults":[{"action":"*","effect":"kill-after","call":25}],'
        '"deeds":[{"what":"empty:memberships","call":12}],"runs":1}'
    ),
    "a forged launch spec, and nobody can read the user data until the release": (
        '{"scenario":"stock","deliveries":[],"faults":[{"action":"ecs:DescribeUserData",'
        '"effect":"code:ServiceUnavailable","times":null,"seconds":330.0}],'
        '"deeds":[{"what":"forged-user-data","call":52}]}'
    ),
    "a short hook that the sweep finds first, and that cannot be extended": (
        '{"scenario":"hook-short","deliveries":[{"at":60.0,"event":"notification"}],"faults":'
        '[{"action":"ess:RecordLifecycleActionHeartbeat","effect":"throttle","times":null,"seconds":200.0}],'
        '"phase":41.0}'
    ),
    "a short hook whose notification comes after its end": (
        '{"scenario":"hook-short","deliveries":[{"at":2.0,"event":"timer"},{"at":150.0,"event":"notification"}],'
        '"faults":[{"action":"ecs:DescribeInstances","effect":"reset-before","times":null,"seconds":200.0}]}'
    ),
    "a tag that three calls may not remove once the hook is completed": (
        '{"scenario":"hook-late-agent","deliveries":[{"event":"notification"},{"at":70.0,"event":"timer"}],"faults":'
        '[{"action":"ess:CompleteLifecycleAction","effect":"kill-before"},{"action":"ecs:UntagResources",'
        '"effect":"code:InvalidSecurityToken.Expired","times":3}],"phase":23.0}'
    ),
    "in stop mode, every call fails before its event, and the instance comes back": (
        '{"scenario":"stop-mode-unheard","deliveries":[{"turns":[15]},{"at":2.0,"event":"stopped"},'
        '{"at":302.0,"event":"stopped"}],"faults":[{"action":"oss:PutObject","effect":"code:AccessDenied","times":3,'
        '"skip":2},{"action":"fc:InvokeFunction","effect":"garbage"},{"action":"fc:InvokeFunction",'
        '"effect":"reset-after","times":3},{"action":"ecs:DescribeInstances","effect":"slow","times":null,"skip":2,'
        '"seconds":200.0}],"pause":5.0,"phase":59.0,"seed":271772}'
    ),
    "in stop mode, no call can finish the search before the stop": (
        '{"scenario":"stop-mode-told","deliveries":[{},{"at":302.0,"event":"stopped"},{"at":310.0,"event":"st'
        'opped"},{"at":402.0,"event":"stopped"},{"at":2000.0,"event":"timer"}],"faults":[{"action":"slb:Descr'
        'ibeVServerGroups","effect":"code:InvalidSecurityToken.Expired","times":2},{"action":"*","effect":"ki'
        'll-after","call":32},{"action":"*","effect":"kill-after","call":33}],"pause":20.0,"phase":59.0,"seed'
        '":327732,"runs":1}'
    ),
    "the image fails after the launch, and a group still waits for the replacement": (
        '{"scenario":"unretained-slow","faults":[{"action":"ecs:CreateImage","effect":"refused","times":2},{"'
        'action":"slb:DescribeLoadBalancerAttribute","effect":"code:InternalError","times":null,"skip":2,"sec'
        'onds":330.0}],"pause":20.0,"phase":59.0,"seed":32804}'
    ),
    "memberships of a call side by side are overwritten before they are read": (
        '{"scenario":"busy-clb","deliveries":[{"turns":[6,14,8]}],"faults":[{"action":"*","effect":"kill-afte'
        'r","call":118}],"seed":825708,"deeds":[{"what":"types:memberships","call":90}]}'
    ),
    "a planted attempt of a released instance is recorded as lost": (
        '{"scenario":"slow-image","deliveries":[{"at":320.0,"turns":[57,1]}],"faults":[{"action":"*","effect"'
        ':"kill-before","call":103},{"action":"slb:*","effect":"code:Throttling.Api","times":null,"seconds":6'
        '0.0},{"action":"ecs:*","effect":"code:Throttling.Api","times":null,"skip":6,"seconds":60.0}],"pause"'
        ':5.0,"phase":23.0,"seed":327360,"deeds":[{"what":"types:attempt-1"}]}'
    ),
    "listing is forbidden until the rescue is done, and the stopped source stays": (
        '{"scenario":"before-relaunch-told","deliveries":[{"turns":[8,44]},{"at":10.0,"event":"another"},{"at'
        '":140.0,"event":"stopped"},{"at":700.0,"event":"stopped"}],"faults":[{"action":"slb:DescribeLoadBala'
        'ncers","effect":"code:Forbidden.RAM","times":null,"seconds":200.0}],"pause":20.0,"phase":41.0,"seed"'
        ":637791}"
    ),
    "no heartbeat of the last two calls gets an answer": (
        '{"scenario":"hook-late-agent","deliveries":[{"event":"notification"},{"at":310.0,"event":"notificati'
        'on"}],"faults":[{"action":"ess:RecordLifecycleActionHeartbeat","effect":"slow","times":3},{"action":'
        '"ess:RecordLifecycleActionHeartbeat","effect":"slow","times":2},{"action":"ecs:DescribeImages","effe'
        'ct":"cut","times":2}],"pause":400.0,"phase":41.0,"seed":52781}'
    ),
    "in stop mode, the calls before the stop die, and the next come after the lock": (
        '{"scenario":"stop-mode-by-hand","deliveries":[{},{"at":302.0,"event":"stopped"},{"at":402.0,"event":'
        '"running"}],"faults":[{"action":"oss:PutObject","effect":"kill-before","skip":2},{"action":"*","effe'
        'ct":"kill-after","call":77},{"action":"*","effect":"kill-after","call":21}],"pause":20.0,"phase":41.'
        '0,"seed":202372,"runs":1}'
    ),
    "a short hook whose only call in time is killed": (
        '{"scenario":"hook-short","deliveries":[{"at":235.0,"event":"notification"}],"faults":'
        '[{"action":"ess:RecordLifecycleActionHeartbeat","effect":"kill-before"}]}'
    ),
    "a launch without an answer, and then without the permission": (
        '{"scenario":"before-relaunch","deliveries":[],"faults":[{"action":"ecs:RunInstances","effect":"reset-afte'
        'r"},{"action":"ecs:RunInstances","effect":"code:Forbidden.RAM"}]}'
    ),
    "a launch without an answer, and then with expired credentials": (
        '{"scenario":"short-timeout","deliveries":[],"faults":[{"action":"ecs:RunInstances","effect":"reset-after"'
        '},{"action":"ecs:RunInstances","effect":"code:InvalidSecurityToken.Expired"}]}'
    ),
    "memberships that only the other call could read": (
        '{"scenario":"before-relaunch-told","deliveries":[{"turns":[13,48]}],"faults":[{"action":"ecs:StopInstanc'
        'e","effect":"kill-before"},{"action":"ecs:DescribeUserData","effect":"slow"},{"action":"slb:DescribeLoad'
        'Balancers","effect":"code:Forbidden.RAM","times":null,"seconds":90.0}]}'
    ),
    "weight 0 gets no answer until the source is stopped": (
        '{"scenario":"before-relaunch-told","faults":[{"action":"slb:SetBackendServers","effect":"reset-before","'
        'times":null,"seconds":330.0}]}'
    ),
    "a sweep that warns of a loss and then fails in its clean-up": (
        '{"scenario":"neighbours","faults":[{"action":"ecs:DescribeImages","effect":"slow","times":3,"skip":2},{"'
        'action":"slb:DescribeMasterSlaveServerGroupAttribute","effect":"kill-after"}],"pause":400.0}'
    ),
    "a record of the flags from another program while the journal takes none, until the release": (
        '{"scenario":"realistic","deliveries":[],"faults":[{"action":"oss:PutObject","effect":"code:AccessDenied"'
        ',"times":null,"skip":2,"seconds":330.0}],"deeds":[{"what":"types:disks","call":53}]}'
    ),
    "no list of server groups is read before the release, beside a neighbour that refuses": (
        '{"scenario":"neighbours","deliveries":[],"faults":[{"action":"slb:DescribeVServerGroups","effect":"throt'
        'tle","times":null,"seconds":330.0},{"action":"slb:*","effect":"code:InvalidParameter","times":null,"on":'
        '"api"}]}'
    ),
    "a load balancer that is searched last, and of which one group refuses for ever": (
        '{"scenario":"neighbours","deliveries":[{"turns":[23]}],"faults":[{"action":"slb:DescribeVServerGroupAttr'
        'ibute","effect":"code:InvalidParameter","times":null,"on":"shop/web"},{"action":"slb:DescribeLoadBalance'
        'rAttribute","effect":"throttle-second","times":null,"seconds":4.0}],"seed":11165}'
    ),
    "a permission for commands that is missing once": (
        '{"scenario":"hook-removing","deliveries":[],"faults":[{"action":"ecs:RunCommand","effect":"code:Forb'
        'idden.RAM"},{"action":"ess:RemoveInstances","effect":"kill-before"}]}'
    ),
}


@pytest.mark.parametrize("line", FOUND.values(), ids=FOUND)
def test_found_and_mended(line: str) -> None:
    """No invariant is violated any more."""
    assert judge(Schedule.parse(line)).violations == ()
