"""Commands that repeat a job, from command lines."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.launch.rerun import Launched, launched, plan_of, rerun_command
from gator.plan.instances.seeds import derive


@pytest.mark.parametrize(
    ("line", "spec", "options"),
    [
        ("gator run a.yaml", "a.yaml", ()),
        ("gator a.yaml -j 4 -q", "a.yaml", ()),
        ("__main__.py -j 4 a.yaml", "a.yaml", ()),
        ("gator run -qj4 a.yaml -vj 4", "a.yaml", ()),
        (
            "gator run --id=one --timeout 3s --limit-error 2 a",
            "a",
            ("--id", "one", "--timeout", "3s", "--limit-error", "2"),
        ),
        ("gator run --seed 5 --seed a/b=7 --seed=c=8 x.yml", "x.yml", ("--seed", "a/b=7", "--seed", "c=8")),
        ("gator run --max-fail 3 - --no-progress", "-", ()),
        ("gator run -- -odd.yaml", "-odd.yaml", ()),
        ("gator run run --progress", "run", ()),
    ],
)
def test_a_command_line_is_taken_apart(line: str, spec: str, options: tuple[str, ...]) -> None:
    assert launched(shlex.split(line)) == Launched(spec, options)


def test_what_decides_over_the_verdict_is_said_again() -> None:
    launch = Launched("my spec.yaml", ("--timeout", "3s"))
    assert (
        rerun_command(launch, 7, "top/a[1]")
        == "gator run --only '/top/a[1]' --seed 7 --timeout 3s 'my spec.yaml'"
    )
    assert rerun_command(launch, 7, "top") == "gator run --seed 7 --timeout 3s 'my spec.yaml'"
    assert rerun_command(Launched(), 7, "top/a") == "gator run --only /top/a --seed 7 - < SPEC"


def test_the_selection_is_repeated_for_the_root_and_replaced_for_one_job() -> None:
    launch = launched(shlex.split("gator run --only=@failed --skip x/y --tag fast a.yaml"))
    assert launch == Launched("a.yaml", selection=("--only", "@failed", "--skip", "x/y", "--tag", "fast"))
    assert rerun_command(launch, 7, "top") == "gator run --only @failed --skip x/y --tag fast --seed 7 a.yaml"
    # The jobs that had failed are those of the run that was repeated.
    assert "--tag fast --repeat c0ffee --seed 7" in rerun_command(launch, 7, "top", repeats="c0ffee")
    assert rerun_command(launch, 7, "top/a") == "gator run --only /top/a --seed 7 a.yaml"


def test_the_seed_of_a_job_is_given_only_if_that_of_the_run_does_not_lead_to_it() -> None:
    launch = Launched("a.yaml")
    follows = derive(7, "units/sim[3]")
    plain = rerun_command(launch, 7, "top/units/sim[3]")
    assert rerun_command(launch, 7, "top/units/sim[3]", job_seed=follows) == plain
    other = rerun_command(launch, 7, "top/units/sim[3]", job_seed=follows - 1)
    assert f"--seed 7 --seed '/top/units/sim[3]={follows - 1}'" in other
    # A seed that the launch gave to a level above would be taken else.
    above = Launched("a.yaml", ("--seed", "units=5"))
    assert f"sim[3]={follows}'" in rerun_command(above, 7, "top/units/sim[3]", job_seed=follows)


def test_variables_that_were_not_set_at_the_launch_are_unset() -> None:
    launch = Launched("a.yaml", folder="/chip", variables=(("LEVEL", "4 5"),), unset=("MODE", "SIM"))
    line = rerun_command(launch, 7, "top")
    assert line == "env -u MODE -u SIM LEVEL='4 5' gator run --seed 7 -C /chip a.yaml"
    assert plan_of(launch) == "env -u MODE -u SIM LEVEL='4 5' gator plan /chip/a.yaml"
    assert plan_of(Launched()) == "gator plan - < SPEC"


@given(st.lists(st.text(st.sampled_from("-=jqvrun a/."), max_size=8)))
def test_any_command_line_is_survived(argv: list[str]) -> None:
    assert rerun_command(launched(argv), 1, "a/b").startswith("gator run --only /a/b")
