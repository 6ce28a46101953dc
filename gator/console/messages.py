"""Messages of many jobs in one stream: each line names its job.

The rule: a line of a job stays one line.
"""

from gator.console.paper import Paper
from gator.core.text import readable
from gator.store import decode_block
from gator.v1 import event_pb2


def write_messages(paper: Paper, event: event_pb2.Event) -> None:
    """Write what an event of kind log or block says."""
    if event.HasField("log"):
        paper.message(event.log.severity, f"{event.path}: {event.log.text}")
        return
    head = f"{paper.head(event.block.severity)}{event.path}: "
    text = readable(decode_block(event.block)).removesuffix("\n")
    paper.write(head + text.replace("\n", "\n" + head) + "\n")
