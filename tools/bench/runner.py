"""What runs under CPython 3.10: ``runner.py EVENT FOLDER...`` calls the handler of the module ``index`` with a file.

The folders stand before the standard library on ``sys.path``. With ``-`` for an event it only imports: the floor.
Function Compute keeps the process, so taking the interpreter down is no part of a cold start, and is left out.
"""

from __future__ import annotations

import os
import sys


def main(event: str) -> None:
    """Import, call, and say on the error output how it ended."""
    if event == "-":
        import alibabacloud_tea_openapi.client  # noqa: F401, PLC0415 - the measured import

        return
    handler = __import__("index").handler
    with open(event, "rb") as file:  # noqa: PTH123 - pathlib takes time to import
        content = file.read()
    try:
        print(handler(content, context()), file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - the refusal of the first request, as a rule
        print(type(error).__name__, error, file=sys.stderr)


def context() -> object:
    """What Function Compute hands to a handler on python3.10."""
    from types import SimpleNamespace  # noqa: PLC0415 - not for the floor

    environ = os.environ
    credentials = SimpleNamespace(
        access_key_id=environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
    )
    return SimpleNamespace(
        request_id="1-5c9c5e8a-000000000000",
        region="cn-hangzhou",
        account_id="1690701234567830",
        function=SimpleNamespace(name="bench", timeout=900),
        credentials=credentials,
    )


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    main(sys.argv[1])
    sys.stderr.flush()
    os._exit(0)
