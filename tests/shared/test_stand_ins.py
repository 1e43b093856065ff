"""Stand-ins: the SDKs load without the packages that a call does not use; each is there at its first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from simulator.function_compute import ROOT

LOAD_SDKS = """
import sys
from spotkeeper.clients import load_sdk
from spotkeeper.stand_ins import UNUSED, stand_ins
for package in ("ecs20140526", "slb20140515", "ess20220222", "fc20230330"):
    load_sdk(f"alibabacloud_{package}")
with stand_ins():
    import alibabacloud_credentials.client
    import alibabacloud_oss_v2.crypto.master_rsa_cipher as oss_cipher
import Tea.core, darabonba.response, darabonba.websocket
from alibabacloud_tea_openapi import utils
def imported():
    return sorted(UNUSED & {name.partition(".")[0] for name in sys.modules})
"""


def printed(code: str) -> str:
    """What a new process prints."""
    command, environment = [sys.executable, "-c", LOAD_SDKS + code], {"PYTHONPATH": str(ROOT / "shared")}
    run = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_the_sdks_load_without_them() -> None:
    """And nothing of the stand-ins is left among the modules."""
    assert printed("print(imported())") == "[]"


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("aiohttp", "Tea.core.aiohttp.ClientTimeout(total=1).total == 1"),
        ("aiohttp", "not isinstance(1, darabonba.response.ClientResponse)"),
        ("aiohttp", "type('Own', (Tea.core.aiohttp.ClientSession,), {}).__mro__[1].__name__ == 'ClientSession'"),
        ("apscheduler", "alibabacloud_credentials.provider.ecs_ram_role.BackgroundScheduler().running is False"),
        ("cryptography", "utils.hashes.SHA256().digest_size == 32"),
        ("cryptography", "utils.padding.PKCS1v15().name == 'EMSA-PKCS1-v1_5'"),
        ("Crypto", "oss_cipher.RSA.import_key(oss_cipher.RSA.generate(1024).export_key()).has_private()"),
        ("asyncio", "Tea.core.asyncio.Lock().locked() is False"),
        ("websocket", "darabonba.websocket.ABNF.OPCODE_BINARY == 2"),
    ],
)
def test_each_is_there_when_it_is_used(package: str, use: str) -> None:
    """A function is called, an attribute is read, an instance is checked, a class is derived."""
    assert f"'{package}'" in printed(f"assert {use}\nprint(imported())")


@pytest.mark.parametrize(
    "late",
    ["import aiohttp.hdrs", "from aiohttp import hdrs", "import aiohttp\nassert aiohttp.hdrs", "import aiohttp.web"],
)
def test_whoever_imports_one_later_gets_it(late: str) -> None:
    """Also where the SDK has a stand-in."""
    same = "import aiohttp\nassert Tea.core.aiohttp.ClientSession is aiohttp.ClientSession"
    assert "'aiohttp'" in printed(f"{late}\n{same}\nprint(imported())")


def test_one_that_is_there_already_is_left_alone() -> None:
    """Its modules that are not imported yet get no stand-in either."""
    code = """
import aiohttp
for name in [name for name in sys.modules if name.startswith("cryptography")]:
    del sys.modules[name]
import cryptography
with stand_ins():
    import aiohttp as again
    from cryptography.hazmat.primitives import hashes
assert again is aiohttp
print(hashes.SHA256.__module__)
"""
    assert printed(code) == "cryptography.hazmat.primitives.hashes"


def test_a_use_while_an_sdk_is_imported() -> None:
    """An SDK that derives a class of its own from a stand-in derives it from the class."""
    code = """
with stand_ins():
    import websocket
    class Own(websocket.WebSocketApp): ...
    import websocket as again
print(Own.__mro__[1].__module__, again.WebSocketApp is Own.__mro__[1], Own.__mro__[1] is websocket.WebSocketApp)
"""
    assert printed(code) == "websocket._app True True"


def test_what_a_package_does_not_have() -> None:
    """An attribute that does not exist is an AttributeError."""
    assert printed("print(hasattr(Tea.core.aiohttp, 'No'), hasattr(utils.hashes, 'No'))") == "False False"
