"""What is secret stands nowhere but in the output of the job that prints it."""

from tests.acceptance.support import Gator

SECRETS = {
    "MY_PASSWORD": "in-the-environment-1",
    "DB_URL": "postgres://me:in-a-url-of-it-2@host/x",
    "PLAIN": "named-by-the-spec-3",
    "GATOR_HUB_TOKEN": "abcdef0123456789",
}
VALUES = (
    "in-the-environment-1",
    "in-a-url-of-it-2",
    "named-by-the-spec-3",
    "in-the-spec-itself-4",
    "abcdef0123456789",
)
SPEC = """
!JobGroup
ident: top
secrets: [PLAIN]
env: {API_KEY: in-the-spec-itself-4}
jobs:
- !Job {ident: program, command: "$MY_PASSWORD"}
- !Job {ident: shell, command: "$PLAIN and more"}
- !Job {ident: path, command: "/no/$API_KEY"}
- !Job {ident: folder, command: x, cwd: "/no/${{ env.PLAIN }}"}
- !Job
  ident: filled
  command: "false"
  args: ["${{ env.DB_URL }}", "$GATOR_HUB_TOKEN", "${{ env.MY_PASSWORD }}"]
- !Job {ident: script, shell: "false # in-the-spec-itself-4"}
"""


def test_no_value_of_a_secret_is_said_or_stored(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    (gator.root / spec).chmod(0o600)
    label = ("--label", "a=in-the-environment-1")
    said = gator("run", spec, *label, env=SECRETS).expect(1)
    texts = [said.out, said.err]
    commands = (
        ("show", "top/program"),
        ("show", "filled"),
        ("failures", "--json"),
        ("status",),
        ("runs", "--json"),
    )
    texts += [gator(*words).out for words in commands]
    texts += [gator("plan", spec, "--json", env=SECRETS).out, gator("check", spec, env=SECRETS).out]
    wrong = gator("run", spec, "--only", "in-the-environment-1", env=SECRETS)
    texts += [wrong.out, wrong.err, gator("status", "-r", "in-a-url-of-it-2", env=SECRETS).err]
    stored = [file for file in gator.folder.rglob("*") if file.is_file()]
    assert stored
    texts += [file.read_bytes().decode("latin-1") for file in stored]
    for value in VALUES:
        assert [text for text in texts if value in text] == [], value
    assert "no such program in PATH: ***" in said.out


def test_a_job_prints_what_it_likes(gator: Gator) -> None:
    spec = gator.spec('!Job {ident: top, command: echo, args: ["$MY_PASSWORD"]}\n')
    said = gator("run", spec, env=SECRETS).expect(0)
    assert "Launching task: echo '***'" in said.out
    assert gator("logs").expect(0).out == "in-the-environment-1\n"


def test_a_run_whose_script_has_a_secret_filled_in_can_be_looked_at(gator: Gator) -> None:
    spec = gator.spec("""
!JobGroup
ident: top
jobs:
- !Job {ident: script, shell: "true ${{ env.MY_PASSWORD }}; gator status > status.txt"}
""")
    gator("run", spec, env={"MY_PASSWORD": "plainword99"}).expect(0)
    assert "1 running" in (gator.root / "status.txt").read_text()
    shown = gator("show", "script").expect(0)
    assert "true ***; gator status > status.txt" in shown.out
    assert "plainword99" not in shown.out
