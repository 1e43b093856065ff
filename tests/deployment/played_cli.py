# ruff: noqa: T201 - what it prints is what it plays
"""The Serverless Devs CLI with fc3, played: records how it is called, keeps what it made, fails where it is told to.

Run as ``s`` from the path, with ``PLAYED_CLI`` naming its folder: ``calls.jsonl`` and ``state.json``. What it prints is
worded like the real CLI's; like that it masks the account id, and `s remove` ends with 0 whatever happened.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
from tools.check_deployment.document import read  # noqa: E402 - this is a script
from tools.check_deployment.resolve import Resolver, extended  # noqa: E402

HOME = Path(os.environ["PLAYED_CLI"])
MASKED = "169**********830"


def main(arguments: list[str]) -> int:
    """Play one call."""
    with (HOME / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps({"arguments": arguments, "environ": dict(os.environ)}) + "\n")
    state: dict[str, Any] = json.loads((HOME / "state.json").read_text(encoding="utf-8"))
    status = act(arguments, state)
    (HOME / "state.json").write_text(json.dumps(state), encoding="utf-8")
    return status


def act(arguments: list[str], state: dict[str, Any]) -> int:
    """What the command does to the state; its exit status."""
    match arguments:
        case ["-v"]:
            print(f"@serverless-devs/s: {state['version']}, s-home: {HOME}, linux-x64, node-v20.20.2")
        case ["config", "get", "-a", alias]:
            print(
                f"Alias:      {alias}\nCredential: ..." if alias in state["aliases"] else "You have not yet been found"
            )
        case ["preview", *_]:
            show({**resolved(), **state.get("preview", {})})
        case ["cli", component, "layer", command, *options] if component == pinned():
            return layer(command, dict(zip(options[::2], options[1::2], strict=False)), state)
        case ["cli", component, "info", *options] if component == pinned():
            return info(options[options.index("--function-name") + 1], state)
        case ["deploy", "-y", *_]:
            return deploy(state)
        case ["info", *_]:
            show(state["functions"])
        case ["remove", "-y", *_]:
            remove(state)
        case _:
            return failed(f"{arguments} is not played")
    return 0


def layer(command: str, options: dict[str, str], state: dict[str, Any]) -> int:
    """``layer publish``, which keeps the latest version where the content is the same; ``versions``, ``remove``."""
    if message := state["fail"].get(f"layer {command}"):
        return failed(message)
    versions = state["layer"]
    if command == "remove":
        versions.clear()
    elif command == "versions":
        show([{"version": number, "layerName": options["--layer-name"]} for number in range(1, len(versions) + 1)])
    else:
        content = hashlib.sha256(Path(options["--code"]).read_bytes()).hexdigest()
        versions += [] if versions[-1:] == [content] else [content]
        arn = f"acs:fc:{options['--region']}:{MASKED}:layers/{options['--layer-name']}/versions/{len(versions)}"
        show({"layerName": options["--layer-name"], "version": len(versions), "layerVersionArn": arn})
    return 0


def deploy(state: dict[str, Any]) -> int:
    """One resource after the other; the first that fails ends it."""
    for name, resource in resolved()["resources"].items():
        if state["fail"].get("deploy") == name:
            print(f"✖ [{name}] failed to [deploy] (0.1s)")
            return failed("AccessDenied: the caller has no permission fc:UpdateFunction")
        props = resource["props"]
        triggers = [{"triggerName": trigger["triggerName"]} for trigger in props["triggers"]][
            state.get("lost_triggers", 0) :
        ]
        function = {name: props[name] for name in ("functionName", "layers", "region")}
        arn = f"acs:fc:{props['region']}:{MASKED}:functions/{props['functionName']}"
        state["functions"][name] = {**function, "functionArn": arn, "triggers": triggers}
        print(f"✔ [{name}] completed (1.23s)")
    return 0


def info(function: str, state: dict[str, Any]) -> int:
    """One function, or the refusal that it is not there."""
    if message := state["fail"].get("info"):
        return failed(message)
    found = [deployed for deployed in state["functions"].values() if deployed["functionName"] == function]
    if not found:
        return failed(f"FunctionNotFound: code: 404, function '{function}' does not exist")
    show(found[0])
    return 0


def remove(state: dict[str, Any]) -> None:
    """All functions, but for the function that stays; 0 either way."""
    stays = state["fail"].get("remove")
    if stays:
        print("[ERROR] remove error: ProvisionConfigExist")
    state["functions"] = {name: function for name, function in state["functions"].items() if name == stays}


def pinned() -> str:
    """The component that s.yaml names, with its version."""
    return str(read(Path("s.yaml"))["resources"]["sweep"]["component"])


def resolved() -> dict[str, Any]:
    """s.yaml of the current folder."""
    return extended(Resolver(read(Path("s.yaml")), os.environ).resolved())


def show(answer: Any) -> None:
    """Print an answer."""
    print(json.dumps(answer, indent=2))


def failed(message: str) -> int:
    """Print an error; the exit status."""
    print(f" \nError Message:\n{message}\n \nA complete log of this run can be found in: {HOME}/logs\n")
    return 101


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
