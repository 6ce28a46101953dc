"""`gator show`: shows everything about one node.

Invariant: values of secrets are masked, and no text is printed twice.
"""

from collections.abc import Iterator
from textwrap import dedent
from typing import Final

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.console import describe
from gator.console.text import one_line
from gator.core.attempt.results.verdict import UNLIMITED, allowed_messages
from gator.core.attempt.start.runners import PYTHON, describe_call
from gator.core.launch.printed import about_node, quoted_words
from gator.core.launch.rerun import job_command, launch_of
from gator.enum_names import enum_name, enum_value
from gator.units import plural, size_text, span
from gator.v1 import common_pb2, event_pb2, query_pb2, spec_pb2
from gator.v1 import query_service_pb2 as qs

_OWN_ROWS: Final = frozenset(
    (
        *("ident", "command", "args", "shell", "cwd", "env", "params", "resources", "parsers", "limits"),
        *("timeout", "starts", "also_log", "jobserver", "silence", "commands", "quarantine", "tags", "seed"),
    )
)
"""Keys of a job that have rows of their own; all others are printed as in a spec."""


def show(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    json: JsonOption = False,
) -> None:
    """Show one node: spec, environment, command line, attempts, result."""
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        answer = opened.api.get_node(qs.GetNodeRequest(path=opened.path_of(path)))
        if json:
            print_json(answer)
            return
        _print_node(opened, answer)
        if answer.HasField("description"):
            _print_job(answer.description)
        ended = answer.node.state == query_pb2.NODE_STATE_ENDED
        for attempt in answer.attempts:
            over = ended or attempt is not answer.attempts[-1]
            _print_attempt(opened, answer.node, attempt, is_over=over)


def _print_node(opened: OpenRun, answer: qs.GetNodeResponse) -> None:
    node = answer.node
    output.echo(f"{output.paint(node.path, 'bold')}  {output.painted_state(opened.run, node)}")
    rows = [("run", f"{opened.run.id[:12]} {opened.source.location}")]
    if opened.run.HasField("git"):
        rows.append(("commit", describe.revision(opened.run.git)))
    if describe.headline(node.first_error) not in one_line(node.message):
        rows.append((describe.error_name(node.first_error), describe.headline(node.first_error)))
    if node.first_failure not in ("", node.path):
        rows.append(("first failure", node.first_failure))
    if node.cause:
        rows.append(("cause", describe.cause(node)))
        rows.append(("cause matched", one_line(node.cause_line)))
    rows.append(("started", describe.moment(node.started_unix_nanos)))
    rows.append(("ended", describe.moment(node.ended_unix_nanos)))
    if node.kind == common_pb2.NODE_KIND_JOB and node.tally.flaky:
        rows.append(("flaky", f"passed in attempt {node.attempts}, after a failed one"))
    if node.kind != common_pb2.NODE_KIND_JOB:
        rows.append(("jobs", output.painted_tally(node.tally)))
        rows.append(("children", f"{node.children:,}"))
    rows.append(("messages", _counts(node.counts)))
    if node.invalid_commands:
        # Its words are those of the warnings in its log.
        shown = about_node("logs", node.path, opened.source.where, "--long")
        rows.append(("not valid", f"{plural(node.invalid_commands, 'command')}: {shown}"))
    if node.HasField("usage"):
        rows.append(("used", _usage(node.usage)))
    for metric in answer.result.metrics:
        rows.append((f"metric {metric.name}", f"{describe.number(metric.value)} {metric.unit}".strip()))
    rows += [_contract(contract) for contract in node.contracts.list]
    if node.tags:
        rows.append(("tags", ", ".join(node.tags)))
    rows.append(("seed", str(node.seed)))
    again = job_command(opened.run, node)
    if again:
        rows.append(("run again", again))
        rows.append(("requires", launch_of(opened.run).needs))
    _pairs(rows)


def _contract(contract: event_pb2.ContractResult) -> tuple[str, str]:
    """Returns name and state of a contract on a metric."""
    name = contract.metric if contract.figure == "value" else f"{contract.figure} of {contract.metric}"
    state = enum_name(event_pb2.ContractState.DESCRIPTOR, contract.state).replace("_", " ")
    if contract.message:
        return f"contract {name}", f"{state}: {contract.message}"
    text = f"{state}: {describe.number(contract.value)} {contract.unit}".rstrip()
    if contract.baseline_run:
        limit = f"{describe.number(contract.limit)} {contract.limit_unit}".rstrip()
        text += f" (limit {limit}, from run {contract.baseline_run[:12]})"
    return f"contract {name}", f"{text}, {contract.condition}"


def _counts(counts: common_pb2.Counts) -> str:
    errors, warnings = plural(counts.error, "error"), plural(counts.warning, "warning")
    return f"{warnings}, {errors}, {counts.critical:,} critical"


def _usage(used: event_pb2.Usage) -> str:
    """Returns the resource usage in one line."""
    cpu = used.user_nanos + used.system_nanos
    text = f"{span(used.wall_nanos)} wall, {span(cpu)} CPU"
    if used.HasField("peak_memory_bytes"):
        text += f", {size_text(used.peak_memory_bytes)} peak memory"
    return text


def _print_job(description: query_pb2.JobDescription) -> None:
    job = description.job
    rows: list[tuple[str, str]] = []
    if job.settings.runner.name == PYTHON:
        rows.append(("call", describe_call(job.settings.runner)))
    elif job.shell:
        rows += [
            ("" if index else "shell", line or " ")
            for index, line in enumerate(job.shell.rstrip().split("\n"))
        ]
    else:
        rows.append(("command", quoted_words([job.command, *job.args])))
    if job.settings.cwd:
        rows.append(("cwd", job.settings.cwd))
    for variable in job.settings.env:
        value = variable.value if variable.HasField("value") else "(unset)"
        rows.append(("env", f"{variable.name}={value}"))
    rows += [("matrix", f"{name}={value}") for name, value in sorted(description.matrix.items())]
    rows += [("param", f"{param.name}={','.join(param.values)}") for param in job.settings.params]
    resources = job.resources
    held = common_pb2.Demand(
        cores=resources.cores if resources.HasField("cores") else 1,
        memory_bytes=resources.memory_bytes,
        licenses=resources.licenses,
    )
    rows.append(("requested", describe.demand(held)))
    rows.append(("parsers", ", ".join(_parser_name(parser) for parser in job.settings.parsers.list)))
    rows.append(("limits", _limits(job.settings.limits)))
    if job.settings.timeout_millis:
        rows.append(("timeout", span(job.settings.timeout_millis * 1_000_000)))
    if job.settings.starts.match:
        rows.append(("starts", f"at a line that matches {job.settings.starts.match}"))
    rows += [("also_log", file) for file in job.settings.also_log.files]
    if job.settings.jobserver > spec_pb2.JOBSERVER_MODE_OFF:
        mode = describe.enum_name(spec_pb2.JobserverMode.DESCRIPTOR, job.settings.jobserver)
        rows.append(("jobserver", mode))
    if job.settings.silence.millis:
        rows.append(("silence", span(job.settings.silence.millis * 1_000_000)))
    if job.settings.HasField("commands") and not job.settings.commands:
        rows.append(("commands", "off"))
    if job.HasField("quarantine"):
        held = job.quarantine
        until = f", until {held.until}" if held.until else ""
        rows.append(("quarantine", f"{held.owner}: {held.reason}{until}"))
    rows += _other_keys(job)
    if job.position.file:
        rows.append(("defined at", f"{job.position.file}:{job.position.line}"))
    output.echo()
    output.echo("spec")
    _pairs(rows)


def _other_keys(job: spec_pb2.Job) -> Iterator[tuple[str, str]]:
    """Yields the keys of a job that have no row of their own, as they are written in a spec."""
    from gator.spec.dump import written_keys
    from gator.spec.keys import JOB

    for name, lines in written_keys(JOB, job):
        if name in _OWN_ROWS or (name == "runner" and job.settings.runner.name == PYTHON):
            continue
        first, *others = lines
        value = first.removeprefix(f"{name}:").strip()
        shown = dedent("\n".join(others)).split("\n") if others else []
        if value and not value.startswith("|"):
            shown.insert(0, value)
        yield from (("" if number else name, line or " ") for number, line in enumerate(shown))


def _parser_name(parser: spec_pb2.Parser) -> str:
    """Returns the name of a parser; for one that is written in the spec, its pattern."""
    is_written = parser.name == "spec" and len(parser.entries) == 1
    return f"match {one_line(parser.entries[0].match)}" if is_written else parser.name


def _limits(limits: spec_pb2.Limits) -> str:
    """Returns the limits that are not the default: `20 warnings, any number of errors`."""
    parts: list[str] = []
    for name, default in (("warning", UNLIMITED), ("error", 0), ("critical", 0)):
        severity = enum_value(common_pb2.Severity, name)
        allowed = allowed_messages(limits, severity)
        if allowed != default:
            parts.append(f"any number of {name}s" if allowed < 0 else plural(allowed, name))
    return ", ".join(parts)


def _own_error(node: query_pb2.Node, ended: event_pb2.AttemptFinished) -> list[tuple[str, str]]:
    """Returns a row with the first error of an attempt, unless node or message have it."""
    text = describe.headline(ended.first_error)
    if text in one_line(ended.message) or text == describe.headline(node.first_error):
        return []
    return [(describe.error_name(ended.first_error), text)]


def _print_attempt(
    opened: OpenRun, node: query_pb2.Node, attempt: query_pb2.Attempt, *, is_over: bool
) -> None:
    output.echo()
    output.echo(f"attempt {attempt.number}")
    rows: list[tuple[str, str]] = []
    if attempt.HasField("started"):
        started = attempt.started
        rows.append(("command line", quoted_words(started.argv)))
        rows.append(("cwd", started.cwd))
        rows.append(("host", f"{started.host}, process {started.pid}"))
        if started.seed:
            rows.append(("seed", str(started.seed)))
    rows.append(("started", describe.moment(attempt.started_unix_nanos)))
    if attempt.HasField("progress"):
        rows.append(("progress", describe.progress(attempt.progress)))
    if attempt.HasField("finished"):
        ended = attempt.finished
        state = describe.outcome(ended.outcome)
        rows.append(("ended", describe.moment(attempt.ended_unix_nanos)))
        reason = f": {ended.message}" if ended.message not in ("", node.message) else ""
        rows.append(("outcome", output.paint(state, state) + reason))
        rows += _own_error(node, ended)
        if ended.reason == common_pb2.REASON_HANG:
            attempts = ["--attempt", str(attempt.number)] if attempt.number < node.attempts else []
            where = opened.source.where
            shown = about_node("logs", node.path, where, "--long", *attempts)
            rows.append(("evidence", f"what its processes did: {shown}"))
        if ended.HasField("exit_code"):
            rows.append(("exit code", str(ended.exit_code)))
        if ended.HasField("signal"):
            rows.append(("signal", str(ended.signal)))
        rows.append(("used", _usage(ended.usage)))
        if ended.stdout_lines or ended.stderr_lines:
            rows.append(("longest silence", span(ended.longest_silence_nanos)))
        rows.append(("lines", f"{ended.stdout_lines:,} out, {ended.stderr_lines:,} err"))
        rows += [
            (describe.stream(each.stream), f"{each.file}: {plural(each.lines, 'line')}")
            for each in ended.log_files.list
        ]
        if ended.dropped_bytes:
            rows.append(("not stored", size_text(ended.dropped_bytes)))
        rows += [("artefact", describe.artefact(made)) for made in ended.artefacts.list]
    elif is_over:
        # The daemon that would have written the end of the attempt died.
        rows.append(("outcome", f"{output.paint('lost', 'lost')}: its daemon died"))
    _pairs(rows)


def _pairs(rows: list[tuple[str, str]]) -> None:
    for name, value in rows:
        if value:
            output.echo(f"  {output.paint(f'{name:15}', 'dim')} {value}")
