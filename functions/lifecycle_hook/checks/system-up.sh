#!/bin/sh
# Has this machine come up? Waits until systemd has started everything and cloud-init has finished without an error.
# "degraded" passes and is reported: whether a failed unit matters to the service, port-answers and http-answers tell.
set -u
export LC_ALL=C
wait_seconds='{{wait-seconds}}'

verdict() {
    echo "$1: systemd is $systemd, cloud-init is $cloud_init"
}

uptime_seconds() {
    # Not the wall clock: a new machine's may be stepped by hours while it comes up.
    read -r up rest </proc/uptime
    echo "${up%%.*}"
}

systemd_state() {
    state=$(systemctl is-system-running 2>/dev/null)
    # No answer (or "unknown", from old versions): either nothing here was started by systemd, or it is still too busy.
    case $state in
        '' | unknown) [ -d /run/systemd/system ] && echo silent || echo absent ;;
        *) echo "$state" ;;
    esac
}

failed_units() {
    systemctl --failed --no-legend --plain 2>/dev/null | awk '{ printf "%s%s", (NR > 1 ? " " : ""), $1 }'
}

cloud_init_state() {
    command -v cloud-init >/dev/null 2>&1 || { echo absent && return; }
    state=$(cloud-init status 2>/dev/null | sed -n 's/^status: *//p')
    if [ -n "$state" ]; then
        echo "$state"
        return
    fi
    # Before 17.2 there is no "status": result.json is written at the end of every boot.
    case $(cat /run/cloud-init/result.json 2>/dev/null | tr -d ' \n') in
        '') echo running ;;
        *'"errors":[]'*) echo done ;;
        *) echo error ;;
    esac
}

is_up() {
    case $systemd in
        running | degraded)
            # The boot is over: what has not begun by now was switched off.
            case $cloud_init in done | disabled | absent | 'not run' | 'not started') return 0 ;; esac ;;
        offline | absent)
            case $cloud_init in done | disabled | absent) return 0 ;; esac ;;
    esac
    return 1
}

deadline=$(($(uptime_seconds) + wait_seconds))
while :; do
    systemd=$(systemd_state)
    cloud_init=$(cloud_init_state)
    if [ "$cloud_init" = error ]; then
        cloud-init status --long 2>/dev/null
        verdict FAILED
        exit 1
    fi
    if is_up; then
        [ "$systemd" != degraded ] || systemd="degraded ($(failed_units))"
        verdict PASSED
        exit 0
    fi
    [ "$(uptime_seconds)" -lt "$deadline" ] || break
    sleep 1
done
# What it is still busy with tells more than that it is busy.
systemctl list-jobs --no-legend 2>/dev/null | head -n 5
verdict "FAILED after $wait_seconds s"
exit 1
