"""The commands of the hub: `serve`, `check`, `backup`. Each imports its modules when it is called."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gator.core.visible import visible
from gator.errors import GatorError, UsageError, UserError
from gator.runtime import shutdown, signals, standard_streams
from gator.runtime.text_encoding import use_utf8
from gator.usage_errors import PlainGroup

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Serve a hub with the runs of many users.",
)

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help="Use this SQLite file or database, postgresql://USER@HOST:PORT/NAME.",
        show_default="hub.db in the data folder",
    ),
]


@app.command(epilog="Examples:\n\n  gator hub serve\n\n  gator hub serve --db postgresql://hub@db/gator")
def serve(
    host: Annotated[
        str, typer.Option("--host", "-H", metavar="HOST", help="Listen on this address.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", "-P", min=0, max=65535, metavar="PORT", help="Listen on this port; 0: any free one."
        ),
    ] = 8080,
    db: DatabaseOption = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Read the tokens of users from this file, one NAME:TOKEN a line.",
            show_default="one token, yours, in the data folder",
        ),
    ] = None,
    admin: Annotated[
        list[str] | None,
        typer.Option(
            "--admin",
            metavar="NAME",
            help="Let this user give runs of others to new owners; may be repeated.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option("--tls-cert", metavar="FILE", help="Use this certificate, in PEM with its chain."),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option("--tls-key", metavar="FILE", help="Use this private key of the certificate, in PEM."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Serve other hosts without --token-file and TLS.")
    ] = False,
    log_cap: Annotated[
        str,
        typer.Option(
            "--log-cap", metavar="SIZE", help="Keep at most this much output of an ended attempt; 0: all."
        ),
    ] = "256MiB",
    keep_days: Annotated[
        int | None,
        typer.Option("--keep-days", min=1, metavar="N", help="Remove runs that are older than N days."),
    ] = None,
    keep_runs: Annotated[
        int | None,
        typer.Option(
            "--keep-runs",
            min=1,
            metavar="N",
            help="Keep only the newest N runs of each ident, besides pinned ones.",
        ),
    ] = None,
    web_port: Annotated[
        int | None,
        typer.Option(
            "--web-port",
            min=0,
            max=65535,
            metavar="PORT",
            help="Serve the web page on this port; 0: any free one.",
            show_default="the port after --port",
        ),
    ] = None,
    web_name: Annotated[
        list[str] | None,
        typer.Option(
            "--web-name",
            metavar="NAME",
            help="Accept this name of the host in URLs of the page; may be repeated.",
        ),
    ] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="Serve gRPC only, no web page.")] = False,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="Let clients stop, note, pin and remove nothing; still accept runs."
        ),
    ] = False,
) -> None:
    """Serve a hub until Ctrl-C or TERM.

    The password of a PostgreSQL database is read from PGPASSWORD or ~/.pgpass.
    """
    from gator_hub.server.options import ServeOptions, database_url
    from gator_hub.server.process import serve as serve_hub

    options = ServeOptions(
        database=database_url(db, os.environ),
        host=host,
        port=port,
        token_file=token_file,
        admins=frozenset(admin or ()),
        tls_certificate=tls_cert,
        tls_key=tls_key,
        insecure=insecure,
        log_cap_bytes=_size(log_cap),
        keep_days=keep_days,
        keep_runs=keep_runs,
        with_web=not no_web,
        web_port=web_port,
        web_names=frozenset(web_name or ()),
        read_only=read_only,
    )
    serve_hub(options, os.environ)


@app.command()
def check(
    host: Annotated[
        str, typer.Option("--host", "-H", metavar="HOST", help="Ask the hub at this address.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", "-P", min=1, max=65535, metavar="PORT", help="Ask the hub at this port."),
    ] = 8080,
    db: DatabaseOption = None,
    hub_ca: Annotated[
        Path | None,
        typer.Option("--hub-ca", metavar="FILE", help="Trust these certificates, in PEM, if it serves TLS."),
    ] = None,
) -> None:
    """Check that the database is intact and that a hub serves it.

    The exit code is 1 if one of them does not hold.
    """
    from gator.hub_access.address import full_address, read_ca
    from gator_hub.database.check import Finding, figures_of, holder_of, look_at_database, look_for_hub
    from gator_hub.server.options import database_url
    from gator_hub.server.process import find_password

    url = database_url(db, os.environ)
    address = full_address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    record = look_at_database(url, find_password)
    served = look_for_hub(address, read_ca(os.environ, hub_ca))
    holder = holder_of(url)
    if served.good and record.good and holder == "":
        served = Finding(f"the hub at {address} serves another database: no hub serves this one", good=False)
    for finding in (record, served):
        sys.stdout.write(f"{'ok' if finding.good else 'not ok':6}  {visible(finding.text)}\n")
    if holder:
        sys.stdout.write(f"        the database is served by {visible(str(holder))}\n")
        if figures := figures_of(url, holder):
            sys.stdout.write(f"        {visible(figures)}\n")
    if not (record.good and served.good):
        raise typer.Exit(1)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to create; it must not exist yet.")],
    db: DatabaseOption = None,
) -> None:
    """Copy the database into a file while the hub may continue to serve."""
    from gator.units import size_text
    from gator_hub.database.check import back_up
    from gator_hub.server.options import database_url

    size = back_up(database_url(db, os.environ), file)
    sys.stdout.write(f"{file}: {size_text(size)}\n")


def _size(text: str) -> int:
    from gator.units import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"--log-cap {text}: {error}") from error


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs `python -m gator_hub`: `serve` unless another command is named. Exits like `gator`.

    Raises SystemExit if `args` is given; else the process ends here.
    """
    signals.reset_inherited()
    if args is None:
        use_utf8()
    standard_streams.hold()
    try:
        code = _run(list(sys.argv[1:] if args is None else args))
    except SystemExit as end:
        if args is not None:
            raise
        code = shutdown.code_of(end)
    if args is not None:
        sys.exit(code)
    shutdown.leave(code)


def _run(given: list[str]) -> int:
    names = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    if not given or given[0] not in {*names, "-h", "--help"}:
        given = ["serve", *given]
    try:
        app(args=given, prog_name="python -m gator_hub")
    except (UserError, GatorError) as error:
        sys.stderr.write(f"gator hub: {visible(str(error))}\n")
        return 2 if isinstance(error, UserError) else 3
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # The last place that can report an error in one line instead of a traceback.
        from gator_hub.log import configure_logging, log

        configure_logging()
        log.critical("a fault of the hub: %s", error, exc_info=True)
        return 3
    return 0
