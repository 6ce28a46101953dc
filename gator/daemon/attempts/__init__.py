"""Hosts attempts: starts their processes, reads their output, samples and ends them.

`host` is the face: it takes attempts from an engine or a parent. The state machine of an attempt is
`gator.core.attempt`; this package carries its actions out.

Invariant: an attempt ends only after its processes and all that belongs to it have ended.
"""
