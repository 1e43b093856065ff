#!/bin/sh
# Saves a directory of logs before this machine goes: one archive to OSS, with the instance's own RAM role.
# The object is named after instance and directory, so that a repeated run writes the same one again.
set -u
directory='{{directory}}'
bucket='{{bucket}}'
prefix='{{prefix}}'
instance_id='{{ACS::InstanceId}}'
region='{{ACS::RegionId}}'

fail() {
    echo "FAILED: $1"
    exit 1
}

metadata() {
    # Hardened instances ask for a token first; the others ignore it.
    token=$(curl -sf --max-time 5 --noproxy '*' -X PUT -H 'X-aliyun-ecs-metadata-token-ttl-seconds: 60' \
        http://100.100.100.200/latest/api/token)
    curl -sf --max-time 5 --noproxy '*' -H "X-aliyun-ecs-metadata-token: $token" "http://100.100.100.200/latest/$1"
}

[ -d "$directory" ] || fail "there is no directory $directory"
if command -v ossutil >/dev/null 2>&1; then
    tool=ossutil
elif command -v aliyun >/dev/null 2>&1; then
    tool=aliyun
else
    fail "there is neither ossutil nor aliyun on this machine: install one of them in the image"
fi
command -v curl >/dev/null 2>&1 || fail "there is no curl on this machine, to ask for its RAM role"
role=$(metadata meta-data/ram/security-credentials/)
[ -n "$role" ] || fail "no RAM role is attached to this instance: attach one that may write oss://$bucket/$prefix/"

# What is still in memory: the journal's, then the file systems'.
journalctl --sync >/dev/null 2>&1
sync
archive=$(mktemp) || fail "there is no room for an archive in ${TMPDIR:-/tmp}"
trap 'rm -f "$archive"' EXIT
# 1 means that a file grew while it was read, as logs do.
tar -czf "$archive" -C / "${directory#/}"
[ $? -le 1 ] || fail "$directory could not be packed: see above (is ${TMPDIR:-/tmp} full?)"

target="oss://$bucket/$prefix/$instance_id/$(echo "${directory#/}" | tr '/' '-').tar.gz"
endpoint="oss-$region-internal.aliyuncs.com"
if [ "$tool" = ossutil ]; then
    # Version 2 wants the region; early versions 1 do not know the option.
    ossutil cp -f "$archive" "$target" -e "$endpoint" --mode EcsRamRole --ecs-role-name "$role" --region "$region" ||
        ossutil cp -f "$archive" "$target" -e "$endpoint" --mode EcsRamRole --ecs-role-name "$role"
else
    aliyun oss cp "$archive" "$target" -f -e "$endpoint" --mode EcsRamRole --ram-role-name "$role" --region "$region"
fi || fail "$tool could not write $target: see above (may the role $role write there?)"
echo "PASSED: $(wc -c <"$archive" | tr -d ' ') bytes of $directory are in $target"
