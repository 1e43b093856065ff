#!/bin/sh
# Does a local HTTP endpoint answer with the expected status? Redirects are not followed: a 302 is an answer of its own.
set -u
port='{{port}}'
path='{{path}}'
status='{{status}}'
wait_seconds='{{wait-seconds}}'

uptime_seconds() {
    # Not the wall clock: a new machine's may be stepped by hours while it comes up.
    read -r up rest </proc/uptime
    echo "${up%%.*}"
}

if command -v curl >/dev/null 2>&1; then
    answer() {
        curl -s -o /dev/null -w '%{http_code}' --max-time 5 --noproxy '*' "http://$1:$port$path"
    }
elif command -v wget >/dev/null 2>&1; then
    answer() {
        wget -q -S -O /dev/null --timeout=5 --tries=1 --max-redirect=0 --no-proxy "http://$1:$port$path" 2>&1 |
            awk '$1 ~ /^HTTP\// { print $2; exit }'
    }
else
    echo "FAILED: port $port cannot be asked: there is neither curl nor wget on this machine"
    exit 1
fi

seen=none
deadline=$(($(uptime_seconds) + wait_seconds))
while :; do
    # The machine's own addresses too: many services listen there and not on 127.0.0.1.
    for address in 127.0.0.1 $(hostname -I 2>/dev/null); do
        case $address in *:*) continue ;; esac
        got=$(answer "$address")
        if [ "$got" = "$status" ]; then
            echo "PASSED: http://$address:$port$path answered $got"
            exit 0
        fi
        # curl says 000 where nothing answered.
        case $got in '' | 000) ;; *) seen=$got ;; esac
    done
    [ "$(uptime_seconds)" -lt "$deadline" ] || break
    sleep 1
done
echo "FAILED: port $port did not answer $status to $path within $wait_seconds s; last answer: $seen"
exit 1
