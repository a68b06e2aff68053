"""still.py ROOT PROGRAM ARGUMENTS…: runs a program for which the machine stands still, and ends as it does.

componentize-py starts Python inside of WebAssembly and freezes its memory. What that Python has seen of the machine is in there then: random numbers (the
seed of its hashes), the time, and of each file when it was written, where it lies on the disk and in which order its folder names it. Here all of these are
the same each time, and on every machine: random numbers and the time for the whole program, the rest for what lies below ROOT, where `tmp` is the folder for
folders whose names are made up.

The program is traced (ptrace) at the few system calls that answer such questions. Linux on x86-64 only; ends with 125, having run nothing, where it cannot trace.
"""

import ctypes
import os
import signal
import struct
import sys
import zlib

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

CANNOT = 125
TRACEME, CONT, GETREGS, SETREGS, SYSCALL, SETOPTIONS = 0, 7, 12, 13, 24, 0x4200
# Stops at system calls are told apart; children, threads and new programs are traced, too; nothing is left when this ends.
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
FORKED, STARTED, ASKED = (1, 2, 3), 4, 7
# Every thread, not only processes.
WALL = 0x40000000
# The registers of `struct user_regs_struct`.
R8, RAX, RDX, RSI, RDI, NUMBER, RSP = 9, 10, 12, 13, 14, 15, 19
CALLS = {3: "close", 4: "stat", 5: "fstat", 6: "lstat", 217: "getdents64", 262: "newfstatat", 318: "getrandom", 332: "statx"}
HERE = 0xFFFFFF9C  # AT_FDCWD, as 32 bits have it
SECOND = 1_577_836_800  # 2020-01-01
BYTE = b"\x2a"


def ptrace(what, thread, data=None):
    if libc.ptrace(what, thread, None, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def filtered():
    """A filter that has the kernel stop this process at those calls and no others."""
    lines = [(0x20, 0, 0, 0)]  # the number of the call
    lines += [(0x15, len(CALLS) - at, 0, number) for at, number in enumerate(CALLS)]
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FF00000)]  # go on; stop
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("H6xQ", len(lines), ctypes.addressof(code)))
    return libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0


def begin(arguments):
    """The program's side."""
    try:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        if filtered():
            os.execvp(arguments[0], arguments)
    finally:
        os._exit(CANNOT)


class Process:
    def __init__(self, root, pid):
        self.root, self.pid = root, pid
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        self.waiting = {}
        self.folders = {}

    def read(self, at, count):
        return os.pread(self.memory, count, at)

    def write(self, at, data):
        os.pwrite(self.memory, data, at)

    def text(self, at):
        # Up to the end of its page: what follows may not be there.
        data = b""
        while b"\0" not in data:
            data += self.read(at + len(data), 4096 - (at + len(data)) % 4096)
        return os.fsdecode(data.split(b"\0")[0])

    def started(self, thread):
        """A new program: its clock, which it reads without asking the kernel, is stopped."""
        at = registers(thread)[RSP]
        at += 8 * (2 + struct.unpack("Q", self.read(at, 8))[0])  # past the arguments
        while self.read(at, 8) != bytes(8):  # past the environment
            at += 8
        clock, at = 0, at + 8
        while (pair := struct.unpack("QQ", self.read(at, 16)))[0]:
            clock, at = pair[1] if pair[0] == 33 else clock, at + 16  # AT_SYSINFO_EHDR
        if clock:
            self.stop_clock(clock)

    def stop_clock(self, base):
        """Writes over the functions of the kernel's library at `base`: `mov qword [REGISTER], SECOND; mov qword [REGISTER+8], 0; xor eax, eax; ret`."""
        image = self.read(base, 1 << 13)
        headers, count = struct.unpack_from("Q", image, 32)[0], struct.unpack_from("H", image, 56)[0]
        dynamic = next(o for k, o in (struct.unpack_from("I4xQ", image, headers + 56 * i) for i in range(count)) if k == 2)
        tags = {}
        while (pair := struct.unpack_from("QQ", image, dynamic))[0]:
            tags[pair[0]], dynamic = pair[1], dynamic + 16
        strings, symbols = tags[5], tags[6]
        for at in range(symbols, strings, 24):
            name, where = struct.unpack_from("I4xQ", image, at)
            name = image[strings + name : image.index(b"\0", strings + name)]
            to = {b"__vdso_clock_gettime": 0x06, b"__vdso_gettimeofday": 0x07}.get(name)
            if to is not None:
                code = bytes([0x48, 0xC7, to]) + struct.pack("I", SECOND) + bytes([0x48, 0xC7, to + 0x40, 8, 0, 0, 0, 0, 0x31, 0xC0, 0xC3])
                self.write(base + where, code)
            elif name == b"__vdso_time":
                self.write(base + where, b"\xb8" + struct.pack("I", SECOND) + b"\xc3")

    def place(self, folder, path=""):
        """Where a file lies below the root, without the names that were made up for the occasion; `None` when it lies elsewhere."""
        folder &= 0xFFFFFFFF
        try:
            start = os.readlink(f"/proc/{self.pid}/cwd" if folder == HERE else f"/proc/{self.pid}/fd/{folder}")
        except OSError:
            return None
        whole = os.path.normpath(os.path.join(start, path))
        if not (whole + "/").startswith(self.root + "/"):
            return None
        parts = whole[len(self.root) + 1 :].split("/")
        return "/".join(parts[2:] if parts[0] == "tmp" else parts)

    def asked(self, thread):
        """A call that is about to be made: answered at once, or on its way back."""
        r = registers(thread)
        name, answer = CALLS.get(r[NUMBER]), None
        if name == "getrandom":
            answer = r[RSI]
            self.write(r[RDI], BYTE * answer)
        elif name == "close":
            self.folders.pop(r[RDI], None)
        elif name == "getdents64":
            if self.place(r[RDI]) is not None:
                answer = self.entries(r[RDI], r[RSI], r[RDX])
        elif name is not None:
            if name == "fstat":
                place, into = self.place(r[RDI]), r[RSI]
            elif name in ("stat", "lstat"):
                place, into = self.place(HERE, self.text(r[RDI])), r[RSI]
            else:
                place = self.place(r[RDI], self.text(r[RSI]) if r[RSI] else "")
                into = r[R8] if name == "statx" else r[RDX]
            if place is not None:
                self.waiting[thread] = (name, into, zlib.crc32(os.fsencode(place)))
                return ptrace(SYSCALL, thread)
        if answer is not None:
            r[NUMBER], r[RAX] = 2**64 - 1, answer
            ptrace(SETREGS, thread, ctypes.addressof(r))
        return ptrace(CONT, thread)

    def entries(self, folder, into, room):
        """The next entries of a folder, by name."""
        if folder not in self.folders:
            kinds = [(entry.name, 4 if entry.is_dir(follow_symlinks=False) else 8) for entry in os.scandir(f"/proc/{self.pid}/fd/{folder}")]
            self.folders[folder] = [(".", 4), ("..", 4), *sorted(kinds)]
        rest, data = self.folders[folder], b""
        while rest:
            name = os.fsencode(rest[0][0]) + b"\0"
            size = (19 + len(name) + 7) // 8 * 8
            if len(data) + size > room:
                break
            data += struct.pack("=QqHB", 1, 1, size, rest.pop(0)[1]) + name.ljust(size - 19, b"\0")
        if data:
            self.write(into, data)
        return len(data)

    def answered(self, thread):
        """What a file is stays; when, where and whose is not told."""
        name, at, inode = self.waiting.pop(thread)
        if registers(thread)[RAX] == 0:
            extended = name == "statx"
            mode, size = (0x1C, 0x28) if extended else (24, 48)
            kind = struct.unpack("H", self.read(at + mode, 2))[0] & 0o170000
            length = struct.unpack("Q", self.read(at + size, 8))[0] if kind == 0o100000 else 4096
            mode, blocks = kind | 0o755, (length + 511) // 512
            if extended:
                mask = struct.unpack("I", self.read(at, 4))[0]
                data = struct.pack("=IIQIIIHxxQQQQ", mask, 4096, 0, 1, 0, 0, mode, inode, length, blocks, 0)
                data += struct.pack("=qII", SECOND, 0, 0) * 4 + struct.pack("=IIIIQ", 0, 0, 0, 1, 0)
            else:
                data = struct.pack("=QQQIIIIQQQQ", 1, inode, 1, mode, 0, 0, 0, 0, length, 4096, blocks) + struct.pack("=qq", SECOND, 0) * 3
            self.write(at, data)
        ptrace(CONT, thread)


def registers(thread):
    values = (ctypes.c_ulonglong * 27)()
    ptrace(GETREGS, thread, ctypes.addressof(values))
    return values


def follow(root, pid):
    """Until it ends. Gives how."""
    _, status = os.waitpid(pid, WALL)
    if not os.WIFSTOPPED(status):
        return CANNOT
    ptrace(SETOPTIONS, pid, OPTIONS)
    ptrace(CONT, pid)
    root, processes = os.path.realpath(root), {}

    def process(thread):
        if thread not in processes:
            with open(f"/proc/{thread}/status") as said:
                leader = next(int(line.split()[1]) for line in said if line.startswith("Tgid:"))
            if leader not in processes:
                processes[leader] = Process(root, leader)
            processes[thread] = processes[leader]
        return processes[thread]

    while True:
        thread, status = os.waitpid(-1, WALL)
        if not os.WIFSTOPPED(status):
            gone = processes.pop(thread, None)
            if gone is not None and gone.pid == thread:
                os.close(gone.memory)
            if thread == pid:
                return os.waitstatus_to_exitcode(status)
            continue
        number, event = os.WSTOPSIG(status), status >> 16
        if event == STARTED:
            # What its memory was is no more, nor are its other threads.
            if thread in processes:
                os.close(processes.pop(thread).memory)
            process(thread).started(thread)
            ptrace(CONT, thread)
        elif event == ASKED:
            process(thread).asked(thread)
        elif number == signal.SIGTRAP | 0x80:
            process(thread).answered(thread)
        elif event in FORKED or number in (signal.SIGSTOP, signal.SIGTRAP):
            ptrace(CONT, thread)
        else:
            ptrace(CONT, thread, number)


def main(root, arguments):
    pid = os.fork()
    if pid == 0:
        begin(arguments)
    try:
        return follow(root, pid)
    except (OSError, struct.error, KeyError, ValueError, StopIteration) as error:
        # A kernel that is otherwise than was thought: whoever asked goes on without.
        print(f"still.py: {type(error).__name__}: {error}", file=sys.stderr)
        os.kill(pid, signal.SIGKILL)
        return CANNOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
