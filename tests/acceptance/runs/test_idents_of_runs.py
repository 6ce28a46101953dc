"""`-r IDENT` compares idents as they were written, not the names of folders."""

from tests.acceptance.support import Gator

SPEC = '!Job {{ident: "{}", command: "true"}}\n'
IDENTS = ("é", "ü", "a b", "a_b", "a+b", "n" * 70, "n" * 64 + "m")


def run(gator: Gator, ident: str, *args: str) -> None:
    gator("run", gator.spec(SPEC.format(ident)), *args).expect(0)


def ident_of(gator: Gator, name: str) -> str:
    """Returns the ident that the run found by a name has."""
    line = gator("status", "-r", name).expect(0).out.splitlines()[0]
    return line.partition("  ")[0]


def test_an_ident_finds_runs_of_this_ident_alone(gator: Gator) -> None:
    for ident in IDENTS:
        run(gator, ident)
    for ident in IDENTS:
        assert ident_of(gator, ident) == ident
    for none in ("_", "a-b", "n" * 64, "n" * 71):
        assert "there is no run" in gator("status", "-r", none).expect(2).err


def test_an_ident_comes_before_the_name_that_a_user_gave_to_a_folder(gator: Gator) -> None:
    run(gator, "one", "--tracking", "tracking/two")
    run(gator, "two", "--tracking", "tracking/one")
    assert ident_of(gator, "one") == "one"
    assert ident_of(gator, "two") == "two"


def test_a_damaged_run_goes_by_the_name_of_its_folder_and_hides_no_other(gator: Gator) -> None:
    run(gator, "a+b")
    run(gator, "a b")
    (gator.folder / "stores" / "root.db").write_bytes(b"no store" * 1000)
    assert ident_of(gator, "a+b") == "a+b"
    assert str(gator.folder.name) in gator("status", "-r", "a_b").expect(3).err
