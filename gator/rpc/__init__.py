"""Servers, channels, access and statuses of gRPC.

Invariant: this file imports no module, because addresses are used on start paths that must not load gRPC.
"""
