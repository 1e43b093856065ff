"""Commands that need no account: the embedded cloud, the tests of the tests, and the build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

KINDS = ("rescue", "restart", "hook")
"""``chaos.scenario.Kind``, which takes too long to import for a ``--help``."""
DRILL_EVENT = "events/interruption.cloudmonitor.json"

in_checkout = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--event", type=click.Path(path_type=Path), envvar="EVENT", help=f"The event's file; {DRILL_EVENT} by default."
)
@click.pass_obj
def drill(root: Path, event: Path | None) -> int:
    """Rescue an interrupted spot instance on the embedded cloud, or deliver another event to its function."""
    from simulator.drill.delivery import deliver

    return deliver(event or root / DRILL_EVENT)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; a free port by default.")
@click.option("--instance-id", help="The instance that is being reclaimed; the drill's by default.")
def simulator(port: int, instance_id: str | None) -> int:
    """Serve the embedded cloud with the drill's fleet until Ctrl-C."""
    from simulator.serve import serve

    return serve(port, instance_id)


@click.command()
@click.option(
    "--budget",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    envvar="BUDGET",
    help="Seconds for random combinations.",
)
@click.option("--seed", type=int, envvar="SEED", help="Seed of the combinations; random by default.")
@click.option("--kind", type=click.Choice(KINDS), envvar="KIND", help="Only scenarios of this kind; all by default.")
@click.option("--first", is_flag=True, envvar="FIRST", help="Stop at the first violation.")
@click.option("--replay", envvar="REPLAY", help="Play this schedule, as a search printed it, and tell its story.")
def chaos(budget: float, seed: int | None, kind: str | None, replay: str | None, *, first: bool) -> int:
    """Kill the functions at every call in all scenarios, then combine faults at random."""
    if replay:
        from chaos.replay import replay as play

        return play(replay)
    import secrets

    seed = secrets.randbelow(1_000_000) if seed is None else seed
    what = f"every kill in every {kind or 'scenario'}, then {budget:.0f} s of combinations of seed {seed}"
    print(f"chaos: {what}; Ctrl-C ends it with what was found", flush=True)  # the imports take some seconds
    from chaos.command import search
    from chaos.scenario import Kind

    return search(budget, seed, Kind(kind) if kind else None, first=first)


class BugName(click.ParamType[str]):
    """The name of a bug; the make variable has several, separated by commas."""

    name = "bug"
    envvar_list_splitter = ","

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Without the blanks around it."""
        return str(value).strip()


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=BugName(), envvar="BUGS")
def bugs(names: tuple[str, ...]) -> int:
    """Put deliberate bugs (all, or those of a NAME) into copies of this tree; chaos has to catch each of them."""
    from tools.bugs import main

    return main(names)


@click.command()
def mutants() -> int:
    """Change the decide modules in every place; their tests have to notice nine changes in ten."""
    from tools.mutants import main

    return main()


@click.command("check-deployment")
@click.argument("file", type=in_checkout, required=False)
@click.pass_obj
def check_deployment(root: Path, file: Path | None) -> int:
    """Check FILE (s.yaml by default) strictly and offline, with the DEPLOY_ variables that are set."""
    from tools.check_deployment.check import report

    return report(file or root / "s.yaml")


runtime = click.option(
    "--runtime",
    type=click.Choice(["python3.10", "python3.12"]),
    default="python3.10",
    show_default=True,
    envvar="RUNTIME",
    help="The runtime of Function Compute that it is for.",
)


@click.command()
@runtime
def build(runtime: str) -> None:
    """Build the layer and the functions into dist/."""
    from tools.build import build_dist
    from tools.runtime import RUNTIMES

    build_dist(RUNTIMES[runtime])


@click.command()
@runtime
def package(runtime: str) -> None:
    """Build, then zip dist/ for upload: dist/layer.zip, dist/functions-<name>.zip."""
    from tools.build import build_dist
    from tools.package import package_dist
    from tools.runtime import RUNTIMES

    build_dist(RUNTIMES[runtime])
    package_dist()


@click.command()
@click.option(
    "--repeat", type=click.IntRange(min=1), default=11, show_default=True, envvar="REPEAT", help="Runs of each subject."
)
def bench(repeat: int) -> int:
    """Build, then measure cold starts as ratios to the official samples' style and to the floor."""
    from tools.bench.compare import compare
    from tools.build import build_dist

    build_dist()
    return compare(repeat)


@click.command()
def costs() -> None:
    """Print what Function Compute bills for the functions with the sizes in s.yaml."""
    from tools.costs import lines

    print("| what | function | Function Compute bills |", "|---|---|---|", *lines(), sep="\n")


@click.command("readme-tables")
def readme_tables() -> None:
    """Print the tables of docs/ that follow from files of this repository."""
    from tools import costs
    from tools.readme_tables import covered, permissions

    print(*permissions(), "", *costs.lines(), "", *covered(), sep="\n")


@click.command()
def lock() -> int:
    """Pin and hash what the requirements*.in name, after a change of one of them."""
    from tools.lock import lock

    return lock()


COMMANDS = (drill, simulator, chaos, bugs, mutants, check_deployment, build, package, bench, costs, readme_tables, lock)
