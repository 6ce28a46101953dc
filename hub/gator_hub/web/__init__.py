"""The HTTP server of a hub: its web page, and the services of gRPC in the Connect protocol.

Invariant: a call passes the same gate as over gRPC, so it is subject to the same tokens, limits and errors.
"""
