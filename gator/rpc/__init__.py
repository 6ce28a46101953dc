"""Servers, channels, access and statuses. Imports nothing here, because addresses are used without gRPC."""
