"""Generated from protos/gator/v1 by `poe generate`; never edited by hand."""
