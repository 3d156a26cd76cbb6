#!/usr/bin/env python3
"""Runs a command with the system call filter of Debian's redis-server.service, `SystemCallFilter=~@resources`.

A forbidden system call kills the process, as it does under systemd.

Usage: unit_filter.py COMMAND [ARGUMENT ...]. As root, on x86-64 and aarch64.
"""

import ctypes
import os
import platform
import struct
import sys

# systemd's @resources (systemd-analyze syscall-filter @resources), without setrlimit, which the helpers of chroot call.
NUMBERS = {
    # ioprio_set mbind migrate_pages move_pages sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    # set_mempolicy setpriority
    "x86_64": [251, 237, 256, 279, 203, 314, 142, 144, 238, 141],
    "aarch64": [30, 235, 238, 239, 122, 274, 118, 119, 237, 140],
}
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
PR_SET_SECCOMP, MODE_FILTER = 22, 2

numbers = NUMBERS[platform.machine()]
steps = [(LOAD, 0, 0, 0)]
steps += [(EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL_PROCESS)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_SECCOMP, MODE_FILTER, program, 0, 0) != 0:
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
