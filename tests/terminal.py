"""Runs a command on a terminal of its own and answers its question: `terminal.py QUESTION ANSWER COMMAND…`.

Waits until the command has printed QUESTION, types ANSWER (`^C` is ctrl-C, anything else is followed by return), and prints all that the
command printed. Ends with its exit code, or 128 and the signal that ended it.
"""

import os
import pty
import sys

question, answer, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvpe(command[0], command, os.environ)
said, answered = b"", False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:  # Linux says EIO when the other end is closed
        break
    if not part:
        break
    said += part
    if not answered and question.encode() in said:
        os.write(terminal, b"\x03" if answer == "^C" else answer.encode() + b"\n")
        answered = True
_, status = os.waitpid(pid, 0)
sys.stdout.write(said.decode(errors="replace").replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
