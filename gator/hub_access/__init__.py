"""The address, the token and the certificates with which a client connects to a hub.

`address` reads them from options, variables and files. `page` finds the gRPC address of a hub whose web
page a user has named.

Invariant: a token is only sent to the host that the user named.

Modules are imported by name: a run without a hub needs neither of them. Imports no grpc.
"""
