"""Runs hooks: those of jobs beside their process, those of groups and arrays in the host of their tier.

`hook_process` is the process of one hook, with its bounded output. `group_hooks` runs the hooks of groups;
an attempt runs those of its job. `gator.core.attempt.hooks` and `gator.core.tree.hooks` decide which hook
runs when.

Invariant: each hook that is run is answered once.

Modules are imported by name, because most runs have no hooks.
"""
