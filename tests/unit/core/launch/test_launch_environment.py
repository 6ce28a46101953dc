"""What jobs inherit from the environment of the launch."""

import pytest

from gator.core.launch.environment import inherited, with_program


def flags(text: str, *, fifo: bool = False) -> str:
    return inherited({"MAKEFLAGS": text}, lambda path: fifo)["MAKEFLAGS"]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (" -j4 --jobserver-auth=3,4", " "),
        (" -j --jobserver-fds=8,9 --jobserver-auth=8,9", " "),
        ("ks -j4 --jobserver-auth=3,4 -- CC=clang -j9", "ks -- CC=clang -j9"),
        (" -j4 --jobserver-auth=fifo:/tmp/GMfifo7 -k", " -k"),
        (r" --jobs=4 --jobserver-auth=3,4 --eval=a\ -j5", r" --eval=a\ -j5"),
        # The words below name no descriptor.
        (" -j8", " -j8"),
        ("k", "k"),
        ("", ""),
    ],
)
def test_a_jobserver_of_descriptors_is_cut_with_its_number_of_jobs(given: str, left: str) -> None:
    assert flags(given) == left


def test_a_jobserver_that_is_a_named_pipe_stays() -> None:
    text = " -j4 --jobserver-auth=fifo:/tmp/GMfifo7"
    assert flags(text, fifo=True) == text


@pytest.mark.parametrize("name", ["MFLAGS", "CARGO_MAKEFLAGS"])
def test_the_other_variables_of_make_are_cut_too(name: str) -> None:
    assert inherited({name: "-w -j2 --jobserver-auth=3,4"}, bool)[name] == "-w"


def test_variables_that_name_descriptors_of_a_service_are_left_out() -> None:
    given = {
        "LISTEN_FDS": "2",
        "LISTEN_PID": "7",
        "NOTIFY_SOCKET": "/run/x",
        "NODE_CHANNEL_FD": "3",
        "A": "b",
    }
    assert inherited(given, bool) == {"A": "b"}


def test_the_folder_of_the_program_stands_last_in_path_where_it_is_missing() -> None:
    assert with_program({"PATH": "/bin"}, "/venv/bin", lambda path: False)["PATH"] == "/bin:/venv/bin"
    assert with_program({}, "/venv/bin", lambda path: False)["PATH"] == "/venv/bin"
    assert with_program({"PATH": "/bin"}, "/venv/bin", lambda path: True)["PATH"] == "/bin"
