#!/bin/sh
# Has this machine room to work? Load per core, free disk and available memory; waits, since booting itself is work.
set -u
export LC_ALL=C
load_percent='{{load-percent}}'
disk_free_percent='{{disk-free-percent}}'
memory_available_percent='{{memory-available-percent}}'
wait_seconds='{{wait-seconds}}'

uptime_seconds() {
    # Not the wall clock: a new machine's may be stepped by hours while it comes up.
    read -r up rest </proc/uptime
    echo "${up%%.*}"
}

load() {
    # The last minute's load average per core, in percent.
    cores=$(nproc 2>/dev/null) || cores=1
    cut -d ' ' -f 1 /proc/loadavg | awk -v cores="$cores" '{ printf "%d", $1 * 100 / cores }'
}

memory() {
    # Kernels without MemAvailable: what is free or can be freed at once.
    awk '{ kb[$1] = $2 }
        END {
            free = kb["MemFree:"] + kb["Buffers:"] + kb["Cached:"]
            if ("MemAvailable:" in kb) free = kb["MemAvailable:"]
            printf "%d", free * 100 / kb["MemTotal:"]
        }' /proc/meminfo
}

fullest_disk() {
    # "percent-free mount-point" of the fullest local disk. Loop devices are images, which are always full.
    df -P -l 2>/dev/null | awk '$1 ~ /^\/dev\// && $1 !~ /^\/dev\/loop/ { free = 100 - $5; print free, $6 }' |
        sort -n | head -n 1
}

deadline=$(($(uptime_seconds) + wait_seconds))
while :; do
    load_now=$(load)
    memory_now=$(memory)
    disk_now=$(fullest_disk)
    # A machine whose only file system is not on a block device (overlay, tmpfs) has no disk to ask for.
    disk_now=${disk_now:-100 none}
    measured="load per core $load_now % (at most $load_percent), memory available $memory_now %"
    measured="$measured (at least $memory_available_percent), disk free ${disk_now%% *} % on ${disk_now#* }"
    measured="$measured (at least $disk_free_percent)"
    if [ "$load_now" -le "$load_percent" ] && [ "$memory_now" -ge "$memory_available_percent" ] &&
        [ "${disk_now%% *}" -ge "$disk_free_percent" ]; then
        echo "PASSED: $measured"
        exit 0
    fi
    [ "$(uptime_seconds)" -lt "$deadline" ] || break
    sleep 1
done
echo "FAILED after $wait_seconds s: $measured"
exit 1
