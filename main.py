"""The front door: parses the command line and hands over. Nothing heavy is imported before the demo city's process is under way."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False, help="CityDeck 城市云脑指挥台: the desk of a city operations centre."
)
audit = typer.Typer(add_completion=False, help="Check, list and export the audit chain.")
app.add_typer(audit, name="audit")
operator = typer.Typer(add_completion=False, help="Who may sign in at this desk.")
app.add_typer(operator, name="operator")

City = Annotated[str, typer.Option(help="City pack: a name under resources/cities, or a folder.")]
Seed = Annotated[int, typer.Option(help="Seed of the demo city; the same seed plays the same day.")]
Rate = Annotated[float, typer.Option(help="Updates a second that the demo city sends at least; 0: its natural load, about 600.")]
Fault = Annotated[list[str] | None, typer.Option(help="Misbehaviour of the demo city, KIND[=VALUE][@START[+SECONDS]]; may be given several times.")]
Data = Annotated[Path | None, typer.Option(help="Where the journal, settings and caches live; default: the user's own folder.")]


@app.callback(invoke_without_command=True)
def desk(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="Start the demo city in a process of its own and sit down at it.")] = False,
    connect: Annotated[list[str] | None, typer.Option(help="A platform: wss://…, ws://127.0.0.1…, cap:PATH; may be given several times.")] = None,
    seat: Annotated[str, typer.Option(help="wall, duty or cockpit.")] = "duty",
    city: City = "qingdao",
    lang: Annotated[str | None, typer.Option(help="zh_CN or en; default: what was chosen last, or the system's.")] = None,
    theme: Annotated[str | None, typer.Option(help="dark or light; default: what was chosen last, or the seat's.")] = None,
    data: Data = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the platform's token; else the environment variable CITYDECK_TOKEN.")] = None,
    ca: Annotated[Path | None, typer.Option(help="Certificate authority that the platform's certificate is checked against.")] = None,
    db: Annotated[str | None, typer.Option(help="Database URL of the journal; default: SQLite in the data folder.")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Draw the desk into this folder and exit; no screen is needed.")] = None,
    after: Annotated[float, typer.Option(help="Seconds to run before the screenshot.")] = 15.0,
    size: Annotated[str, typer.Option(help="Window size of a screenshot, pixels.")] = "1920x1080",
    progress: Annotated[bool, typer.Option("--progress", help="Print a line a second while running.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Show the developer overlay: rates, latency, frame times.")] = False,
    seed: Seed = 1,
    rate: Rate = 0.0,
    fault: Fault = None,
) -> None:
    """Open a desk. Without --demo and --connect it opens with the connections that were used last, or tells how to make one."""
    if context.invoked_subcommand is not None:
        return
    if sys.platform == "linux" and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        if screenshot is None:
            raise _no_screen()
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from app.shell.options import DeskOptions  # noqa: PLC0415 - after the arguments are known to be good

    options = DeskOptions.checked(
        demo=demo, connect=connect or [], seat=seat, city=city, lang=lang, theme=theme, data=data, token_file=token_file, ca=ca, db=db,
        screenshot=screenshot, after=after, size=size, progress=progress, overlay=overlay, seed=seed, rate=rate, faults=fault or [],
    )  # fmt: skip
    from app.shell.demo_process import DemoProcess  # noqa: PLC0415

    city_process = DemoProcess.start(options) if options.demo else None
    from app.shell.bootstrap import run  # noqa: PLC0415 - Qt and the rest load while the demo city starts

    raise typer.Exit(run(options, city_process))


def _no_screen() -> Exception:
    from app.domain.errors import DeckError  # noqa: PLC0415

    return DeckError("there is no screen here", where="DISPLAY", remedy="start it in a desktop session, or use --screenshot DIR")


@app.command()
def platform(
    city: City = "qingdao",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0: any free one.")] = 8765,
    seed: Seed = 1,
    rate: Rate = 0.0,
    fault: Fault = None,
    token: Annotated[
        str | None, typer.Option(envvar="CITYDECK_TOKEN", help="Token that desks must bring; none: everybody on this machine may.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Begin the city's day at this ISO time instead of now.")] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", help="End when standard input closes.")] = False,
) -> None:
    """The demo city alone: a platform that desks connect to."""
    from datasources.demo.options import PlatformOptions, moment  # noqa: PLC0415
    from datasources.demo.run import run_platform  # noqa: PLC0415

    run_platform(
        PlatformOptions(
            city=city,
            port=port,
            seed=seed,
            rate=rate,
            faults=tuple(fault or ()),
            token=token or "",
            start=moment(start) if start else None,
            with_parent=with_parent,
        )
    )


@audit.command("verify")
def audit_verify(data: Data = None, db: Annotated[str | None, typer.Option()] = None) -> None:
    """Check the audit chain; exit 1 and the first bad row where it is broken."""
    from app.journal import cli  # noqa: PLC0415

    raise typer.Exit(cli.audit_verify(data, db))


@audit.command("list")
def audit_list(
    data: Data = None,
    db: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(help="Newest rows to print; 0: all.")] = 50,
) -> None:
    """Print the newest rows."""
    from app.journal import cli  # noqa: PLC0415

    raise typer.Exit(cli.audit_list(data, db, limit))


@audit.command("export")
def audit_export(
    out: Annotated[Path, typer.Argument(help="File to write; .csv or .jsonl.")], data: Data = None, db: Annotated[str | None, typer.Option()] = None
) -> None:
    """Write the whole chain to a file."""
    from app.journal import cli  # noqa: PLC0415

    raise typer.Exit(cli.audit_export(data, db, out))


@operator.command("add")
def operator_add(
    name_id: Annotated[str, typer.Argument(metavar="ID", help="What the person types to sign in.")],
    name: Annotated[str, typer.Option(help="The person's name, as it stands in the journal and in histories.")],
    role: Annotated[str, typer.Option(help="operator, duty_officer or leader.")],
    area: Annotated[list[str] | None, typer.Option(help="Code of an area that the person answers for; repeatable; none: the whole city.")] = None,
    data: Data = None,
    db: Annotated[str | None, typer.Option()] = None,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="CITYDECK_PASSWORD")] = "",
) -> None:
    """Add an operator, or change one; the password is asked for, never given on the command line. The desk must be closed."""
    from app.shell.operators import add_operator  # noqa: PLC0415

    raise typer.Exit(add_operator(data, db, name_id, name, role, tuple(area or ()), password))


@operator.command("list")
def operator_list(data: Data = None, db: Annotated[str | None, typer.Option()] = None) -> None:
    """Print who may sign in."""
    from app.shell.operators import list_operators  # noqa: PLC0415

    raise typer.Exit(list_operators(data, db))


def main() -> int:
    """Run; errors that a person can mend are one clear line, not a trace."""
    from app.domain.errors import DeckError  # noqa: PLC0415

    try:
        app()
    except DeckError as error:
        print(f"citydeck: {error}", file=sys.stderr)
        return 2
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
