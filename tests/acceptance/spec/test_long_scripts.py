"""A script longer than one argument may be runs as any other, from a file that only its user can read."""

from pathlib import Path

from tests.acceptance.support import Gator

PADDING = "# padpadpadpadpadpadpadpadpad\n" * 5000


def script(*lines: str) -> str:
    """Returns a value of `shell:` that ends with these lines, after 5,000 lines of padding."""
    text = PADDING + "\n".join(lines)
    return "|\n" + "".join(f"    {line}\n" for line in text.splitlines())


def test_a_long_script_runs_as_a_short_one(gator: Gator) -> None:
    lines = (
        'echo "$0 $# $LINENO"',
        "set -x",
        "echo $GATOR_PATH",
        "set +x",
        "stat -c %a $GATOR_RUN_DIR/scripts/*",
    )
    gator("check", gator.spec(f"!JobGroup\nident: top\njobs:\n- !Job\n  ident: a\n  shell: {script(*lines)}"))
    gator("run", "spec.yaml", "--limit-error", "none").expect(0)
    # Of two streams the order between lines is not known.
    wanted = ["bash 0 5001", "top/a", "600", "+ echo top/a", "+ set +x"]
    assert sorted(gator.output("top/a").decode().splitlines()) == sorted(wanted)
    assert not (gator.folder / "scripts").exists()


def test_it_fails_where_it_fails_and_its_record_shows_it(gator: Gator) -> None:
    gator.spec(f"!Job\nident: a\nstderr: info\nshell: {script('false', 'echo never')}")
    gator("run", "spec.yaml").expect(1)
    assert gator.output("a") == b""
    shown = gator("show").expect(0).out
    assert "command line    bash -euo pipefail -c" in shown
    assert "echo never" in shown


def test_a_long_setup_comes_before_a_command_and_before_a_script(gator: Gator) -> None:
    setup = script("shown() { echo $1; }", "export FROM_SETUP=$0")
    jobs = ("command: printenv\n  args: [FROM_SETUP]", 'shell: shown "$FROM_SETUP $0"')
    gator.spec(
        f"!JobGroup\nident: top\nsetup: {setup}jobs:\n"
        + "".join(f"- !Job\n  ident: {ident}\n  {text}\n" for ident, text in zip("ab", jobs, strict=True))
    )
    gator("run", "spec.yaml").expect(0)
    assert gator.output("top/a") == b"setup\n"
    assert gator.output("top/b") == b"bash bash\n"


def test_a_file_that_cannot_be_written_is_told(gator: Gator) -> None:
    gator.spec(
        "!JobGroup\nident: top\njobs:\n- !Job\n  ident: a\n  shell: touch $GATOR_RUN_DIR/scripts\n"
        f"- !Job\n  ident: b\n  on_pass: a\n  shell: {script('true')}"
    )
    gator("run", "spec.yaml").expect(1)
    assert "cannot create its script" in gator("failures").expect(0).out
    assert Path(gator.folder / "scripts").is_file()


def test_too_many_arguments_are_told_before_the_run(gator: Gator) -> None:
    def spec(count: int) -> str:
        arguments = "".join(f"- {'y' * 100_000}\n" for _ in range(count))
        return gator.spec(f"!Job\nident: a\ncommand: 'true'\nargs:\n{arguments}")

    refused = "are too long together: put arguments into a file"
    warned = "and the kernel takes 2,097,152 where ulimit -s is 8 MiB as usual: put arguments into a file"
    for command in (("check",), ("plan",), ("run", "--dry-run")):
        done = gator(*command, spec(30)).expect(0)
        assert warned in done.out + done.err
    done = gator("run", spec(30))
    assert warned in done.out + done.err
    # Where the limit of this host is larger, the job runs.
    assert (done.code == 1) == (refused in done.out)
    assert "warning" not in gator("check", spec(19)).expect(0).out
    gator("run", "spec.yaml").expect(0)
