"""Both ends of Attach, the stream between a child and its parent.

`uplink` and `producer` are the end of a child; `session` and `server` that of a parent.
"""
