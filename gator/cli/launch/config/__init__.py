"""The values of gator.toml files: `files` reads them, `options` fills the options that were not given."""

from gator.cli.launch.config.files import Config, config_of, make_absolute
from gator.cli.launch.config.options import configured, given_options

__all__ = ["Config", "config_of", "configured", "given_options", "make_absolute"]
