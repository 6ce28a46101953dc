"""The command `gator`: finds the command that argv names and imports only that one.

Invariant: rich, peewee and grpc are imported by the commands that need them, never here.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand
from typer.main import get_command

from gator import __version__
from gator.cli import completion, error_report, exit_codes
from gator.cli.registry import COMMANDS, Command
from gator.runtime import loading, shutdown, signals, standard_streams
from gator.runtime.text_encoding import use_utf8
from gator.usage_errors import PlainGroup

_OWN_OPTIONS = ("--help", "-h", "--version", "--install-completion", "--show-completion")
_HELP = {"help_option_names": ["-h", "--help"]}


class LazyGroup(PlainGroup):
    """The commands of the registry; imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names of all commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Returns a stand-in with the name and the help text, which are all that a list of commands needs."""
        data = COMMANDS.get(cmd_name)
        if data is None:
            return None
        return TyperCommand(cmd_name, help=data.help, rich_help_panel=data.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Returns the real command, imported now."""
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS and command is not None:
            command = load(name, COMMANDS[name])
        return name, command, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the options before the command, and inserts `run` if it was omitted."""
        return super().parse_args(ctx, with_default_command(args))

    def invoke(self, ctx: Any) -> Any:
        """Calls the command; one that only prints ends quietly if stdout is closed."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            data = COMMANDS.get(ctx.invoked_subcommand or "")
            if data is None or data.lasting:
                raise
            error_report.drop_stdout()
            raise typer.Exit(0) from None
        return answer


def load(name: str, data: Command) -> Any:
    """Imports a command and returns it with its help and examples."""
    with loading.quickly():
        module = importlib.import_module(f"gator.cli.commands.{data.module}")
    app = typer.Typer(add_completion=False, context_settings=_HELP)
    function = getattr(module, data.function or name)
    epilog = "\n\n".join(["Examples:", *(f"  {line}" for line in data.examples)]) if data.examples else None
    if isinstance(function, typer.Typer):
        group = get_command(function)
        group.epilog = epilog
        return group
    settings: dict[str, Any] = {**_HELP, "ignore_unknown_options": data.takes_numbers}
    app.command(name, epilog=epilog, context_settings=settings)(function)
    return get_command(app)


def with_default_command(args: list[str]) -> list[str]:
    """Inserts `run` into arguments such as `SPEC` and `-j 4 SPEC`."""
    if not args or args[0] in COMMANDS:
        return args
    first = args[0]
    if first.startswith("-") and first != "-":
        is_own = first.split("=", 1)[0] in _OWN_OPTIONS
        return args if is_own or not any(_names_spec(arg) for arg in args) else ["run", *args]
    return ["run", *args] if _names_spec(first) else args


def _names_spec(arg: str) -> bool:
    try:
        return arg == "-" or arg.endswith((".yaml", ".yml")) or Path(arg).is_file()
    except OSError:
        # The name is too long for a file.
        return False


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    context_settings=_HELP,
    pretty_exceptions_enable=False,
    epilog="`gator SPEC` is short for `gator run SPEC`.",
)


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"gator {__version__}\n")
        raise typer.Exit


@app.callback(help="Run trees of jobs, keep every line they write, explain every failure.")
def gator(
    version: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Handles the options before the command."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs the command that argv names and exits: 0, 1 failed jobs, 2 usage, 3 a fault, 130 interrupted.

    Raises SystemExit if `args` is given; else the process ends here.
    """
    try:
        code = _run(args)
    except SystemExit as end:
        if args is not None:
            raise
        code = shutdown.code_of(end)
    if args is not None:
        sys.exit(code)
    shutdown.leave(code)


def _run(args: Sequence[str] | None) -> int:
    try:
        signals.reset_inherited()
        if args is None:
            use_utf8()
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    standard_streams.hold()
    if (sys.argv[1:] if args is None else list(args)) == ["--version"]:
        sys.stdout.write(f"gator {__version__}\n")
        return 0
    if args is None and len(sys.argv) == 1 and not completion.is_asked():
        # A call without arguments asks for help and is not an error.
        args = ["--help"]
    try:
        if completion.is_asked():
            completion.answer(lambda: get_command(app).main(args=args, prog_name="gator"))
        get_command(app).main(args=args, prog_name="gator")
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except Exception as error:  # Any fault must end in one line instead of a traceback.
        return error_report.report_error(error)
    return 0
