"""How a client finds address, token and certificate of a hub."""

from pathlib import Path

import pytest

from gator.errors import UnauthenticatedError, UsageError
from gator.hub_access import address as hub_address
from gator.rpc.channel import bearer


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user whose own hub has written its token."""
    own = tmp_path / "gator" / "hub" / "token"
    own.parent.mkdir(parents=True)
    own.write_text("me:0123\n")
    return {"XDG_DATA_HOME": str(tmp_path), "HOME": "/nowhere"}


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("localhost:8080", "localhost:8080"),
        ("localhost", "localhost:8080"),
        (" hub.example.org:99 ", "hub.example.org:99"),
        ("[::1]:7", "[::1]:7"),
        ("::1", "[::1]:8080"),
        ("unix:/tmp/hub", "unix:/tmp/hub"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("https://hub:443", "hub:443"),
    ],
)
def test_a_port_that_is_left_out_is_8080(given: str, full: str) -> None:
    assert hub_address.full_address(given) == full


@pytest.mark.parametrize(
    "address", ["", ":80", "ftp://hub:80", "hub:http", "hub:0", "hub:65536", "hub:²", "a hub"]
)
def test_text_that_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="not an address of a hub"):
        hub_address.full_address(address)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("localhost:1", True),
        ("127.8.8.8:1", True),
        ("[::1]:1", True),
        ("unix:/x", True),
        ("0.0.0.0:1", False),
        ("localhost.example.org:1", False),
        ("127.0.0.1.example.org:1", False),
    ],
)
def test_only_what_must_mean_this_host_is_loopback(address: str, here: bool) -> None:
    assert hub_address.is_loopback(address) is here


def test_the_own_hubs_token_is_read_for_this_host(environ: dict[str, str]) -> None:
    assert hub_address.resolve("localhost", environ).token == "0123"


def test_the_own_hubs_token_is_never_sent_elsewhere(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="GATOR_HUB_TOKEN"):
        hub_address.resolve("hub.example.org", environ)


def test_a_hub_that_only_a_project_names_gets_at_most_the_token_of_the_users_own_hub(
    environ: dict[str, str], tmp_path: Path
) -> None:
    environ["GATOR_HUB_TOKEN"] = "from-environment"
    project = tmp_path / "gator.toml"
    assert hub_address.resolve("localhost", environ, project_file=project).token == "0123"
    assert hub_address.resolve("unix:/tmp/hub", environ, project_file=project).token == ""
    with pytest.raises(UsageError, match=r"hub\.example\.org:8080 gets no token, because only .*gator\.toml"):
        hub_address.resolve("hub.example.org", environ, project_file=project)


def test_a_host_without_a_hub_has_an_empty_token(tmp_path: Path) -> None:
    assert hub_address.resolve("localhost", {"XDG_DATA_HOME": str(tmp_path)}).token == ""


def test_what_is_said_outright_goes_first(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("# from the keeper of the hub\nme:from-file\n")
    environ["GATOR_HUB_TOKEN_FILE"] = str(file)
    assert hub_address.resolve("hub.example.org", environ).token == "from-file"
    environ["GATOR_HUB_TOKEN"] = "from-environment"
    assert hub_address.resolve("localhost", environ).token == "from-environment"


@pytest.mark.parametrize("text", ["", "me:", "me:1\nyou:2\n", "not a db", "me:\x01", "me:é"])
def test_a_file_that_holds_no_single_token_is_refused(
    environ: dict[str, str], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(UsageError, match="holds no token"):
        hub_address.resolve("localhost", {**environ, "GATOR_HUB_TOKEN_FILE": str(file)})


def test_a_file_that_is_missing_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    for name in ("GATOR_HUB_TOKEN_FILE", "GATOR_HUB_CA"):
        with pytest.raises(UsageError, match=rf"cannot read .*/none, which {name} names: no such file"):
            hub_address.resolve("localhost", {**environ, name: str(tmp_path / "none")})


def test_where_a_token_is_from_is_known(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("me:token")
    assert hub_address.resolve("localhost", environ).source == str(hub_address.own_token_file(environ))
    assert hub_address.resolve("localhost", {"XDG_DATA_HOME": str(tmp_path / "none")}).source == ""
    environ["GATOR_HUB_TOKEN_FILE"] = str(file)
    assert hub_address.resolve("localhost", environ).source == str(file)
    environ["GATOR_HUB_TOKEN"] = "another"
    assert hub_address.resolve("localhost", environ).source == "GATOR_HUB_TOKEN"


def test_certificates_come_from_the_option_or_the_environment(
    environ: dict[str, str], tmp_path: Path
) -> None:
    begin = "-----BEGIN CERTIFICATE-----\n"
    for name in ("one", "two"):
        (tmp_path / name).write_text(begin + name)
    environ["GATOR_HUB_CA"] = str(tmp_path / "one")
    assert hub_address.resolve("localhost", environ).ca == f"{begin}one".encode()
    assert hub_address.resolve("localhost", environ, ca=tmp_path / "two").ca == f"{begin}two".encode()
    (tmp_path / "key").write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(
        UsageError, match="which --hub-ca names, has no certificate: it must be a file in PEM"
    ):
        hub_address.resolve("localhost", environ, ca=tmp_path / "key")


def test_a_token_stands_in_no_traceback(environ: dict[str, str]) -> None:
    assert "0123" not in repr(hub_address.resolve("localhost", environ))


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(local: str, state: str, uid: int) -> str:
    return f"   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  {uid}        0 1 1\n"


@pytest.mark.parametrize(
    ("local", "state", "seen"),
    [
        ("0100007F:1F90", "0A", True),
        ("0200007F:1F90", "0A", True),
        ("00000000:1F90", "0A", True),
        ("00000000000000000000000000000000:1F90", "0A", True),
        ("00000000000000000000000001000000:1F90", "0A", True),
        ("0000000000000000FFFF00000100007F:1F90", "0A", True),
        ("0100007F:1F91", "0A", False),
        ("0100007F:1F90", "01", False),
        ("0100A8C0:1F90", "0A", False),
        ("0000000000000000FFFF00000100A8C0:1F90", "0A", False),
    ],
)
def test_who_listens_on_this_host_is_found(local: str, state: str, seen: bool) -> None:
    found = hub_address.listeners("localhost:8080", [[HEAD], [HEAD, row(local, state, 1234)]])
    assert found == ({1234} if seen else set())


def test_the_own_token_is_not_sent_to_a_server_of_another_user(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [[HEAD, row("0100007F:1F90", "0A", 4_000_000_000)]]
    monkeypatch.setattr(hub_address, "_tables", lambda: tables)
    assert hub_address.resolve("localhost:8080", environ).token == ""
    assert hub_address.resolve("localhost:8081", environ).token == "0123"
    environ["GATOR_HUB_TOKEN"] = "given-by-that-user"
    assert hub_address.resolve("localhost:8080", environ).token == "given-by-that-user"


FAILED = "failed to connect to all addresses; last error: UNAVAILABLE: ipv4:1.2.3.4:1: "


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (FAILED + "Failed to connect to remote host: Connection refused", "Connection refused"),
        ("Socket closed", "the connection was cut"),
        ("Cancelling all calls", "the connection was cut"),
        ("the hub is about to stop", "the hub is about to stop"),
        (FAILED + "Socket closed", "it hangs up at once: use --hub-ca FILE"),
        (FAILED + "connect() timed out", "connect() timed out"),
        (
            "errors resolving x:1: [field:hostname lookup error:address lookup failed for x:1: no]",
            "no host of",
        ),
    ],
)
def test_what_grpc_says_of_a_hub_that_is_away_is_told_in_words(said: str, why: str) -> None:
    assert hub_address.why_away(said, secure=False).startswith(why)


@pytest.mark.parametrize("token", ["é", "a\nb", "a b", "a\x01"])
def test_a_token_that_no_header_can_carry_is_refused(environ: dict[str, str], token: str) -> None:
    with pytest.raises(UsageError, match="GATOR_HUB_TOKEN contains invalid characters") as refused:
        hub_address.resolve("localhost", {**environ, "GATOR_HUB_TOKEN": token})
    assert repr(token) not in str(refused.value)


def test_a_header_is_made_of_printable_characters_only() -> None:
    with pytest.raises(UnauthenticatedError, match="token contains invalid characters"):
        bearer("a\nb")
