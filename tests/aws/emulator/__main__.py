"""Starts an emulator on a free port of 127.0.0.1, prints its address, and ends with its standard input."""

import logging
import sys

from moto.moto_api._internal import mock_random

from . import server, services

logging.getLogger("werkzeug").setLevel(logging.ERROR)


def main():
    listener, address = server.listen()
    # The same ids in each run.
    mock_random.seed(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    services.prepare()
    print(address, flush=True)
    server.serve(listener)


main()
