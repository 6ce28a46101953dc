"""The build backend: that of poetry-core, which gets the web page of the hub as well.

The page is built before a wheel or an editable installation. poetry-core can run a script itself, but then
takes the wheel for one that is made for one version of Python and one kind of machine.
"""

import os
import sys
from typing import Any

import web_page
from poetry.core.masonry import api
from poetry.core.masonry.api import (
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]
prepare_metadata_for_build_editable = api.prepare_metadata_for_build_editable


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Returns what the build of the page needs, unless there is none to build."""
    wanted = [] if not _is_wanted() or web_page.is_fresh() else list(web_page.REQUIREMENTS)
    return [*api.get_requires_for_build_wheel(config_settings), *wanted]


get_requires_for_build_editable = get_requires_for_build_wheel


def build_wheel(folder: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Builds the page, then the wheel."""
    build_page()
    return api.build_wheel(folder, config_settings, metadata_directory)


def build_editable(folder: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Builds the page, then the wheel of an editable installation."""
    build_page()
    return api.build_editable(folder, config_settings, metadata_directory)


def _is_wanted() -> bool:
    return not os.environ.get("GATOR_NO_WEB")


def build_page() -> None:
    """Builds the page; without it everything else works, so a failure is a warning."""
    if not _is_wanted() or web_page.is_fresh():
        return
    try:
        web_page.build()
    except web_page.PageError as error:
        sys.stderr.write(f"warning: the web page of the hub is not built: {error}\n")
