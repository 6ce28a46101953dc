"""What decides: plain state machines. No I/O, no asyncio, no clock, no threads."""
