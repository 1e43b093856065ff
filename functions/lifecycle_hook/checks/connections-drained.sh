#!/bin/sh
# Are the clients gone? Waits until no TCP connection is established on the given ports, or, with "all", on any port
# that this machine listens on, except SSH's and what comes from the machine itself. What it has opened to others (the
# Cloud Assistant agent always has) does not count. Reads the kernel's tables: no tool is needed.
set -u
export LC_ALL=C
ports='{{ports}}'
wait_seconds='{{wait-seconds}}'

uptime_seconds() {
    read -r up rest </proc/uptime
    echo "${up%%.*}"
}

tables() {
    # Columns: number, local address:port, remote address:port, state (0A listens, 01 established); all in hexadecimal.
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Asked once: a server that shuts down gracefully stops listening first and still has its connections.
if [ "$ports" = all ]; then
    watched=$(tables | awk '$4 == "0A" { sub(/.*:/, "", $2); if ($2 != "0016") print $2 }' | sort -u)
else
    # shellcheck disable=SC2046 # one word per port
    watched=$(printf '%04X ' $(echo "$ports" | tr ',' ' '))
fi

connections() {
    # One line per port that has some: port (hexadecimal), connections.
    tables | awk -v watched="$(echo "$watched" | tr '\n' ' ')" -v ports="$ports" '
        BEGIN { n = split(watched, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
        function loopback(address) {
            if (address == "00000000000000000000000001000000") return 1
            return address ~ /7F$/ && (length(address) == 8 || address ~ /^0000000000000000FFFF0000/)
        }
        $4 == "01" {
            split($2, near, ":")
            split($3, far, ":")
            if (!(near[2] in wanted)) next
            if (ports == "all" && (loopback(far[1]) || far[1] == near[1])) next
            count[near[2]]++
        }
        END { for (port in count) print port, count[port] }'
}

deadline=$(($(uptime_seconds) + wait_seconds))
while :; do
    left=$(connections)
    if [ -z "$left" ]; then
        echo "PASSED: no connection is established on ports: $ports"
        exit 0
    fi
    [ "$(uptime_seconds)" -lt "$deadline" ] || break
    sleep 1
done
echo "FAILED: after $wait_seconds s connections are still established:" \
    "$(echo "$left" | while read -r port count; do printf '%d on port %d; ' "$count" "0x$port"; done)"
exit 1
