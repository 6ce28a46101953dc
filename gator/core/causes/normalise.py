"""Removes from a message everything that changes by chance, and keeps what distinguishes causes.

Numbers, times, addresses, paths of machines, hosts, process ids, hashes and values are replaced by marks.
Words, identifiers, names in quotes and codes of messages stay.

Invariant: signatures are compared over years of runs, so this rule changes only with its version; a test pins
some. Patterns are compiled when the first failure needs them.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from gator.node_paths import template_of

MAX_NORMALISED: Final = 300
"""Maximum number of characters of a normalised message."""
NUMBER, LITERAL = "#", "{}"
"""Marks for numbers, times and values, and for literals of lists and mappings."""

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AP]M\b)?(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b)?"
_STAMPS = (
    # The stamp of the kernel's log, and the number or level that loggers put before the text.
    rf"^\s*\[\s*\d+(?:\.\d+)?\]\s*(?![\s!=<>])|\b\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK})?"
    rf"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?(?:\d{{1,2}}[\s-]+)?{_MONTH}[\s-]+\d{{1,4}}(?:[\s-]\d{{4}})?"
    rf"(?:,?\s+{_CLOCK})?(?:\s\d{{4}})?\b|\b{_CLOCK}"
)
_ADDRESSES = (
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}\b"
    r"|(?<![\w:.])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    r"|(?=[0-9a-f:]*\d)(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)(?:%\w+)?(?![\w:])"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\b\d+@[\w.-]+"
)
_ACCOUNT = (
    r"(?<![\w./@-])[\w.+-]+@(?=[a-z\d.-]*[.\d])(?:[a-z][\w-]*(?:\.[a-z][\w-]*)*|\d+(?:\.\d+){3})(?![\w@./-])"
)
"""A user at a host. The version of a package begins with a digit, and that of a symbol with a capital."""
_URL = r"\b[a-zA-Z][\w+.-]*://[^\s/\"'<>()]*(?P<rest>[^\s\"'<>()?#]*)[^\s\"'<>()]*"
_PART = r"(?:[\w.+@%~-]|\[\d+\])+"
_PATH = (
    r"(?<![\w/.+@%~-])(?P<drive>[A-Za-z]:\\[^\s:\"'<>|*?]+)"
    rf"|(?<![\w/.+@%~<-])(?P<path>(?:{_PART})?(?:/{_PART})+/?)"
)
_PLACE = r"(?P<place>(?<=[\w])(?::\d+){1,2}(?=[:\s,)\]]|$)|(?<=[\w])\(\d+\))"
_FILE_PLACE = r"(\w\.[A-Za-z]\w{0,6})(?::\d+){1,2}(?=[:\s,)\]]|$)"
"""A line and column after the name of a file, which would else look like a time."""
_STATUS = (
    r"(?P<status>(?i:\b(?:http(?:/[\d.]+)?|status(?: code)?|code"
    r"|(?:exit|return)(?:ed)?(?: with)?(?: code| status| value)?"
    r"|answered|responded(?: with)?|response|errno|signal|rc|(?:returned|server|client) error)[\s:=]+)"
    r"-?\d{1,3}\b(?!\s*(?:[a-zµ%]+\b)?\d)"
    r"|(?i:\berror[\s=:]+)\d{1,3}(?=\s*(?:[:),;.]|$))|\bERROR \d{4} \([0-9A-Z]{5}\)"
    r"|(?i:\b(?:error|hresult|hr|(?:nt)?status|code|exception)[\s=:(]+)0x[0-9a-fA-F]{8}\b"
    r"|\b(?!(?:RUN|JOB|SEED|TEST|TASK|BUILD|NODE|HOST|LANE|ITER|ID|NO|PID)-)[A-Z][A-Z0-9]{1,7}-\d{3,6}\b)"
)
_LITERAL = (
    r"\{[^{}]*[:,][^{}]*\}|\[[^\[\]]*,[^\[\]]*\]|\[\s*-?[\d.]+\s*\]"
    r"|\((?:\s*[-\w.'\"]+\s*,)+\s*[-\w.'\"]*\s*\)"
)
_COMMAND = r"\bCommand '\[[\"'](?P<program>[^\"'\s]+)[^\]]*\]'"
"""The command in a message of Python's subprocess. Its program stays."""
_NAMED = r"(?P<name>[\"'`‘“](?P<inner>[^\s\"'`‘’“”]+)[\"'`’”])"
_VERILOG = r"(?<![\w'])\d*'[sS]?[bodhBODH]\s?[0-9a-fA-FxXzZ?_]+(?![\w'])"
_VALUE_WORD = r"(?:[0-9a-fA-FxXzZ_]+|None|null|nil|[Tt]rue|[Ff]alse|[A-Z][A-Z0-9_]*)"
_ACTUAL = (
    r"(?i:\b(?:state|status|got|actual|act|received|observed|saw|found|value|was|is|left|right|read|data))"
    rf"(?:\s?[=:]\s?|\s+(?:is\s+|was\s+)?)(?P<actual>{_VALUE_WORD})(?![\w.'(])"
)
_EXPECTED = (
    r"(?i:\b(?:exp|expected|want|wanted|expecting|value|golden|ref))(?:\s?[=:]\s?|\s+)"
    r"(?P<expected>(?:0x)?[0-9a-fA-FxXzZ_]*\d[0-9a-fA-FxXzZ_]*|[0-9a-fA-F]{2,}|[xXzZ]+|None|null|nil|[Tt]rue|[Ff]alse|[A-Z][A-Z0-9_]*)(?![\w.'(])"
)
_ASSIGNED = r"(?<=\w=)[^\s,;:)\]}]+"
_SEED = r"(?i:\bseed[\s=:]+)[\w+-]+"
_HOST = (
    r"(?i:\b(?:host|hostname|container|node name))[\s=:]+[\w.-]+"
    r"|\bon (?=[a-z]+\d+[a-z]+\d)[a-z][\w-]*(?![\w/.])"
)
_JOB = r"(?i:\bjob(?:[ _-]?id)?[\s=:]+)\d[\w.-]*"
_DOMAIN = r"[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|local|internal|lan|corp|edu|cloud|example)(?::\d+)?"
_COMMIT = (
    r"(?i:\b(?:commit|revision|rev|sha|object|blob|digest|hash|checksum|fingerprint)[\s=:]+)"
    r"(?:[0-9a-f]{7,64}|(?=[a-f]*\d)[0-9a-f]{6})\b"
)
_PARSED = (
    r"(?:\binvalid literal for \w+\(\) with base \d+:|\bcould not convert string to float:"
    r"|\bInvalid isoformat string:|\btime data|\bunconverted data remains:|\bFor input string:"
    r"|\binvalid value for (?:Integer|Float)\(\):|\bstrconv\.\w+: parsing)"
    r" (?P<parsed>'[^']*'|\"[^\"]*\"|\S+$)"
)
"""The value in messages of Python, Java, Ruby and Go about text that is not a number or time."""
_POD = (
    r"(?<=\w)-[0-9a-f]{6,10}-[b-df-hj-np-tv-xz2456789]{5}\b"
    r"|(?P<job>\bpods?[\s\"'/]+[\w.-]+)-[b-df-hj-np-tv-xz2456789]{5}\b"
)
"""The random ends of the names that Kubernetes gives to pods. They have no vowels."""
_COUNTED = (
    r"(?i:(?<![A-Za-z])(?:node|host|worker|thread|pool|core|cpu|gpu|lane|agent|lic|slot|rank|task|proc|process|pid|job|shard"
    r"|port|vm|runner|machine|server|build|run|attempt|goroutine|beat|cycle|line))[-_]?\d+(?!\w)"
)
_HIERARCHY = r"(?<![\w./$])(?:\w+(?:\[\d+\])*\.){2,}(?P<leaf>[A-Za-z_]\w*)(?:\[\d+\])*(?![\w/]|\.\w|\()"
_TEMPORARY = re.compile(
    r"(?i)^(?:tmp|temp|scratch|work|build|run|runs|job|jobs|out|sandbox|seed|ws|workspace)(?:[._-]?\w*\d\w*)?$|^tmp"
)
_TEMPORARY_NAME = re.compile(
    r"^(?:tmp[a-z0-9_]{8}$|tmp(?=[a-z_]*\d)[a-z0-9_]{8}(?=\.)|tmp\.\w{6,10}$|cc\w{6}(?=\.(?:o|s|ld|res|c)$))"
)
"""The names that Python's tempfile, mktemp and GCC give to temporary files."""
_SPAN = r"(?<![\w.])(?:\d+(?:\.\d+)?\s?(?:ms|[dhms])\s?){2,}(?!\w)"
_NUMBER = (
    r"(?<![\w.])[-+]?(?:0[xX][0-9a-fA-F_]+|\d[\d,_]*(?:\.\d+)?(?:[eE][-+]?\d+)?)"
    r"(?:\s?(?:[mnpfuµ]?s|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|[hm]|[kKMGT]i?[Bb]|[Bb]ytes?|[MGk]Hz|%)(?!\w))?(?![\w])"
)
_PLURAL = r"(?<=# )([a-zA-Z]{3,}?)s\b"
_DUMPED = " (core dumped)"


def normalised(text: str) -> str:
    """Returns a message on one line with marks for what changes by chance, cut to 300 characters."""
    text = " ".join(text.split()).replace(_DUMPED, "")
    text = _pattern(r"[=*!~_-]{4,}").sub(" ", text)
    text = _pattern(_ACCOUNT).sub(f"user@{NUMBER}", text)
    text = _pattern(_ADDRESSES).sub(NUMBER, text)
    text = _pattern(_FILE_PLACE).sub(r"\1", text)
    text = _pattern(_STAMPS).sub(" ", text)
    text = _pattern(_POD).sub(lambda match: f"{match['job'] or ''}-{NUMBER}", text)
    text = _pattern(_URL).sub(lambda match: "url" + _relative(match["rest"]), text)
    text = _pattern(_COMMAND).sub(lambda match: f"Command '{base_name(match['program'])}'", text)
    text = _pattern(_LITERAL).sub(LITERAL, text)
    text = _pattern(_PATH).sub(_path, text)
    text = _pattern(_PLACE).sub("", text)
    kept = _Kept()
    text = _pattern(_STATUS).sub(lambda match: kept.keep(match[0]), text)
    text = _pattern(_SEED).sub("seed #", text)
    text = _pattern(_HOST).sub("host #", text)
    text = _pattern(_JOB).sub("job #", text)
    text = _pattern(_COMMIT).sub(lambda match: match[0].split()[0] + " #", text)
    text = _pattern(_VERILOG).sub(NUMBER, text)
    text = _pattern(_EXPECTED).sub(_masked("expected"), text)
    text = _pattern(_ACTUAL).sub(_masked("actual"), text)
    text = _pattern(_PARSED).sub(_masked("parsed"), text)
    text = _pattern(_NAMED).sub(kept.keep_name, text)
    text = _pattern(_ASSIGNED).sub(lambda match: match[0] if "\x00" in match[0] else NUMBER, text)
    text = _pattern(_HIERARCHY).sub(lambda match: match["leaf"], text)
    text = _pattern(_COUNTED).sub(lambda match: match[0].rstrip("0123456789") + NUMBER, text)
    text = _pattern(_SPAN).sub(NUMBER, text)
    text = _pattern(r"[\w-]*\d[\w-]*|\b[a-f]{8,}\b").sub(_word, text)
    text = _pattern(_NUMBER).sub(NUMBER, text)
    text = _pattern(r"#(?:[\s,:;./|_-]*[-+]?#)+").sub(NUMBER, text)
    text = _pattern(_PLURAL).sub(r"\1", text)
    return " ".join(kept.restore(text).split())[:MAX_NORMALISED]


def base_name(path: str) -> str:
    """Returns the name of a file without its folders, with marks for what is random in it."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _components(_TEMPORARY_NAME.sub(NUMBER, name))


def job_name(path: str) -> str:
    """Returns the path of a job below its root, without indices of arrays and numbers that end a name.

    For a job that is the root itself, it is the name of the root.
    """
    template = template_of(path)
    names = (template.partition("/")[2] or template).split("/")
    return "/".join(_components(_pattern(r"(?<=.)[._-]?\d+$").sub("", name)) for name in names)


def instance_name(instance: str) -> str:
    """Returns the last name of a design hierarchy without index, or the name of a test without its values.

    An absolute path is reduced to the name of the file.
    """
    if instance.startswith("/"):
        return base_name(instance)
    last = _pattern(r"\[[^\]]*\]").sub("", instance)
    return last if "/" in last or "::" in last else last.rpartition(".")[2] or last


def _masked(group: str) -> Callable[[re.Match[str]], str]:
    """Returns a function that replaces a group of a match by the mark for numbers."""

    def mask(match: re.Match[str]) -> str:
        start, end = match.span(group)
        return f"{match.string[match.start() : start]}{NUMBER}{match.string[end : match.end()]}"

    return mask


class _Kept:
    """Parts of a message that later steps must not change."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def keep(self, text: str) -> str:
        """Returns a mark for a string."""
        self._texts.append(text)
        return f"\x00{chr(_FIRST_MARK + len(self._texts) - 1)}\x00"

    def keep_name(self, match: re.Match[str]) -> str:
        """Returns a mark for a name in quotes, which stays unless it looks random."""
        inner = match["inner"]
        if "\x00" in inner or inner in {NUMBER, LITERAL}:
            return match[0]
        if _pattern(_NUMBER).fullmatch(inner) or _pattern(_DOMAIN).fullmatch(inner):
            return NUMBER
        return self.keep(f"'{_components(inner)}'")

    def restore(self, text: str) -> str:
        """Returns the text with what was kept in it."""
        return _pattern("\x00(.)\x00").sub(lambda match: self._texts[ord(match[1]) - _FIRST_MARK], text)


_FIRST_MARK = 0xE000


def _path(match: re.Match[str]) -> str:
    path = match[0]
    if match["drive"]:
        return base_name(path)
    parts = [part for part in path.split("/") if part]
    if all(part.isdigit() for part in parts):
        return NUMBER
    if (
        len(parts) == 2
        and parts[0].isalpha()
        and parts[1].rstrip(".-").isalpha()
        and not path.startswith("/")
    ):
        return path
    if path.startswith("/dev/"):
        return base_name(path.rstrip("0123456789"))
    if path.startswith(("/", "~")) or any(_TEMPORARY.match(part) for part in parts[:-1]):
        return base_name(path)
    return _relative(path)


def _relative(path: str) -> str:
    """Returns a relative path with marks for numbers that stand alone or end a component."""
    return "/".join(_components(part) for part in path.removeprefix("./").split("/"))


def _components(name: str) -> str:
    if name.isdigit():
        return NUMBER
    name = _pattern(r"\[\d+\]").sub("[#]", name)
    return _pattern(r"(?<![A-Za-z0-9])[A-Za-z0-9]+(?![A-Za-z0-9])").sub(_random, name)


def _random(match: re.Match[str]) -> str:
    """Returns a mark for a part of a name that looks random, else the part.

    Random are long numbers and hexadecimal digits, shorter ones only at the end of a longer name, and parts
    in which digits and letters alternate.
    """
    part, is_suffix = match[0], match.start() > 0
    digits = sum(character.isdigit() for character in part)
    if not digits:
        return NUMBER if _pattern(r"[a-f]{8,}").fullmatch(part) else part
    if digits == len(part):
        return (
            NUMBER if digits >= (4 if is_suffix and match.string[match.start() - 1] == "_" else 5) else part
        )
    is_hex = _pattern(r"[0-9a-f]+|[0-9A-F]+").fullmatch(part) is not None
    if is_hex and len(part) >= (4 if is_suffix else 8):
        return NUMBER
    runs = len(_pattern(r"\d+|[a-zA-Z]+").findall(part))
    return NUMBER if runs >= (3 if is_suffix else 5) and len(part) >= 5 else part


def _word(match: re.Match[str]) -> str:
    word = match[0]
    if word.replace("-", "").replace("_", "").isdigit() or _pattern(_NUMBER).fullmatch(word):
        return word
    return _components(word)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
