"""Runs a program at a terminal of its own, and tells what a person sees there.

Reads {"command", "columns", "rows", "steps"} from standard input. A step waits until a text is "see"n on the
screen and then sends "keys" or gives the terminal another size ("columns", "rows"). Writes {"code", "screen", "history",
"seen", "cursor", "modes_kept"}: how the program ended; the screen then, the lines that scrolled out of it, every
different screen before, the cursor's row and column, and whether the terminal's modes are what they were.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte

# A program that shows nothing new for so long is ended, in seconds.
PATIENCE = 180

# Where something that was drawn is about to be drawn over.
PICTURE = re.compile(rb"(?=\r\x1b\[)")


def resize(descriptor, screen, columns, rows):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    screen.resize(rows, columns)


def lines(screen):
    return [line.rstrip() for line in screen.display]


def main():
    given = json.load(sys.stdin)
    columns, rows, steps = given["columns"], given["rows"], given["steps"]
    screen = pyte.HistoryScreen(columns, rows, history=1000)
    stream = pyte.ByteStream(screen)
    # A size before the program begins: it may ask at once.
    parent, child = pty.openpty()
    resize(parent, screen, columns, rows)
    modes = termios.tcgetattr(child)
    process = os.fork()
    if process == 0:
        os.setsid()
        fcntl.ioctl(child, termios.TIOCSCTTY, 0)
        for descriptor in range(3):
            os.dup2(child, descriptor)
        os.execvp(given["command"][0], given["command"])
    seen, end = [], time.monotonic() + PATIENCE
    code = None
    while True:
        ready, _, _ = select.select([parent], [], [], 0.1)
        if not ready and code is not None:
            break
        # Several pictures may come at once; each is looked at.
        for piece in PICTURE.split(os.read(parent, 65536)) if ready else ():
            stream.feed(piece)
            now = lines(screen)
            if not seen or seen[-1] != now:
                seen.append(now)
        now = lines(screen)
        if steps and any(steps[0]["see"] in line for line in now):
            step = steps.pop(0)
            if "keys" in step:
                os.write(parent, step["keys"].encode())
            if "columns" in step:
                resize(parent, screen, step["columns"], step["rows"])
        if code is None:
            ended, status = os.waitpid(process, os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if ended else None
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            sys.exit(f"it did not end, or {steps} were never seen:\n" + "\n".join(now))
    history = ["".join(line[column].data for column in range(columns)).rstrip() for line in screen.history.top]
    answer = {
        "code": code,
        "screen": lines(screen),
        "history": history,
        "seen": seen,
        "cursor": [screen.cursor.y, screen.cursor.x],
        "modes_kept": termios.tcgetattr(child) == modes,
    }
    json.dump(answer, sys.stdout)


main()
