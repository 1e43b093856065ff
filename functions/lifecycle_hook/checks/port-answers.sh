#!/bin/sh
# Does a TCP port of this machine accept connections? Asked locally: behind a load balancer it is not yet.
set -u
port='{{port}}'
wait_seconds='{{wait-seconds}}'

if ! command -v bash >/dev/null 2>&1 && ! command -v nc >/dev/null 2>&1; then
    echo "FAILED: port $port cannot be asked: there is neither bash nor nc on this machine"
    exit 1
fi

uptime_seconds() {
    # Not the wall clock: a new machine's may be stepped by hours while it comes up.
    read -r up rest </proc/uptime
    echo "${up%%.*}"
}

connects() {
    # With a limit: while a listener's queue is full, connecting hangs instead of being refused.
    if command -v bash >/dev/null 2>&1; then
        timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$port" 2>/dev/null
    else
        nc -z -w 3 "$1" "$port" 2>/dev/null
    fi
}

deadline=$(($(uptime_seconds) + wait_seconds))
while :; do
    # The machine's own addresses too: many services listen there and not on 127.0.0.1.
    for address in 127.0.0.1 $(hostname -I 2>/dev/null); do
        if connects "$address"; then
            echo "PASSED: port $port accepts connections on $address"
            exit 0
        fi
    done
    [ "$(uptime_seconds)" -lt "$deadline" ] || break
    sleep 1
done
echo "FAILED: port $port accepted no connection within $wait_seconds s"
exit 1
