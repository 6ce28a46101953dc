"""A job that reports to Gator: messages with a severity, metrics, and what goes through `logging`."""

import logging

from gator import client


def main() -> None:
    with client.connect():
        client.info("starting", phase="setup")
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[client.GatorHandler()])
        logging.getLogger("solver").warning("step size reduced to %g", 0.5)
        for cycle in range(1, 4):
            client.metric("cycles", cycle * 1000, kind="max")
        client.metric("coverage", 87.5, unit="%")


if __name__ == "__main__":
    main()
