"""Names of packages whose modules are imported when a name is first used."""

from collections.abc import Callable, Mapping
from importlib import import_module


def late_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Returns the `__getattr__` of a package that exports names of modules which few runs need.

    `modules` has the module of each name, relative to the package. Callers import such a name in the function
    that uses it: `from package import name` at the head of a module imports its module at once.
    """

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return get
