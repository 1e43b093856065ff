"""``connections-drained`` in a real shell, against real connections and against tables of the kernel."""

from __future__ import annotations

import socket

import pytest

from tests.lifecycle_hook.shell import CHECKS, MachineUnderTest

CHECK = CHECKS["connections-drained"]
HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
LISTENS_ON_443 = "0: 00000000:01BB 00000000:0000 0A"
LISTENS_ON_22 = "1: 00000000:0016 00000000:0000 0A"
CLIENT = "2: 0500A8C0:01BB 0700A8C0:C001 01"
CLIENT_6 = "3: 0000000000000000FFFF00000500A8C0:01BB 0000000000000000FFFF00000700A8C0:C002 01"
LEAVING = "4: 0500A8C0:01BB 0700A8C0:C003 06"
ON_SSH = "5: 0500A8C0:0016 0700A8C0:C004 01"
OUTBOUND = "6: 0500A8C0:C005 64646464:01BB 01"
FROM_LOOPBACK = "7: 0100007F:01BB 0100007F:C006 01"
FROM_LOOPBACK_6 = "8: 00000000000000000000000001000000:01BB 00000000000000000000000001000000:C007 01"
FROM_LOOPBACK_MAPPED = "9: 0000000000000000FFFF00000100007F:01BB 0000000000000000FFFF00000100007F:C008 01"
FROM_ITSELF = "10: 0500A8C0:01BB 0500A8C0:C009 01"
CLIENT_6_THAT_LOOKS_LOCAL = "11: B80D0120000000000000000000000001:01BB B80D012000000000000000000200007F:C00A 01"


def tables(machine: MachineUnderTest, *rows: str) -> None:
    """Let the kernel's tables have these rows."""
    lines = "\n".join((HEADER, LISTENS_ON_443, LISTENS_ON_22, *rows))
    machine.fakes("cat", f"echo '{lines}'")


def test_a_real_connection_is_waited_for(machine: MachineUnderTest) -> None:
    """An established connection on a given port fails the machine; once it is closed, it passes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            peer, _ = server.accept()
            ended = machine.runs(CHECK, ports=port, wait_seconds=1)
            told = f"FAILED: after 1 s connections are still established: 1 on port {port};"
            assert (ended.verdict.rstrip(), ended.code) == (told, 1)
            peer.close()
        ended = machine.runs(CHECK, ports=f"1,{port}", wait_seconds=0)
    assert (ended.verdict, ended.code) == (f"PASSED: no connection is established on ports: 1,{port}", 0)


@pytest.mark.parametrize("row", [CLIENT, CLIENT_6, CLIENT_6_THAT_LOOKS_LOCAL])
def test_a_client_of_a_listening_port_is_waited_for(machine: MachineUnderTest, row: str) -> None:
    """With ``all``, a connection from elsewhere to a port that is listened on counts, IPv6 included."""
    tables(machine, row)
    ended = machine.runs(CHECK, wait_seconds=0)
    told = "FAILED: after 0 s connections are still established: 1 on port 443;"
    assert (ended.verdict.rstrip(), ended.code) == (told, 1)


@pytest.mark.parametrize(
    "row", [LEAVING, ON_SSH, OUTBOUND, FROM_LOOPBACK, FROM_LOOPBACK_6, FROM_LOOPBACK_MAPPED, FROM_ITSELF]
)
def test_what_is_no_client_does_not_count(machine: MachineUnderTest, row: str) -> None:
    """With ``all``, SSH, outbound, closing and the machine's own connections do not count."""
    tables(machine, row)
    assert machine.runs(CHECK, wait_seconds=0).verdict == "PASSED: no connection is established on ports: all"


def test_a_given_port_counts_whoever_connects(machine: MachineUnderTest) -> None:
    """A port that is asked for counts even where the connection comes from the machine itself, as from its proxy."""
    tables(machine, FROM_LOOPBACK, ON_SSH)
    assert machine.runs(CHECK, ports=443, wait_seconds=0).code == 1
    assert machine.runs(CHECK, ports="80,8080", wait_seconds=0).code == 0


def test_it_waits_until_the_clients_are_gone(machine: MachineUnderTest) -> None:
    """A listener that shuts down stops listening first: its connections are waited for all the same."""
    gone = f"{HEADER}\n{LISTENS_ON_22}"
    closing = f"{HEADER}\n{CLIENT}"
    tables(machine, CLIENT)
    first = (machine.bin / "cat").read_text().removeprefix("#!/bin/sh\n")
    machine.fakes(
        "cat",
        f"""case $(ls '{machine.tmp}') in
            *gone*) echo '{gone}' ;;
            *closing*) echo '{closing}' ;;
            *) {first}
        esac""",
    )
    machine.has("ls")
    machine.fakes("sleep", f"[ -e '{machine.tmp}/closing' ] && : >'{machine.tmp}/gone'; : >'{machine.tmp}/closing'")
    assert machine.runs(CHECK, wait_seconds=600).code == 0
    assert (machine.tmp / "gone").exists()
