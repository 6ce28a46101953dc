"""Sends the records of the standard `logging` module to Gator."""

import logging

from gator.client.client import Client
from gator.client.convert import clean, pieces, severity_of_level
from gator.client.shared import shared_client
from gator.v1 import event_pb2


class GatorHandler(logging.Handler):
    """Sends log records to Gator, as messages with the name of their logger."""

    def __init__(self, level: int | str = logging.NOTSET, client: Client | None = None) -> None:
        super().__init__(level)
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        """Records one record; those of grpc are omitted, because they may be about the sending itself."""
        if record.name == "grpc" or record.name.startswith("grpc."):
            return
        try:
            event = event_pb2.Event(time_unix_nanos=int(record.created * 1e9))
            event.log.severity = severity_of_level(record.levelno)
            event.log.logger = clean(record.name)
            event.log.file = clean(record.pathname)
            event.log.file_line = max(record.lineno, 0)
            client = self._client or shared_client()
            for piece in pieces(clean(self.format(record))):
                event.log.text = piece
                client.put(event)
        except Exception:
            # As in all handlers: logging never fails the program that logs.
            self.handleError(record)
