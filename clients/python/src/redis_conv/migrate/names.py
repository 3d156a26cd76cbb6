"""Names of keys: where a moved key goes, and the temporary name that it has before."""

from __future__ import annotations

import re
import secrets
from binascii import crc_hqx
from itertools import count

#: Hash slots of a cluster.
SLOTS = 16_384


class Template:
    """Makes the new name of a key: `{key}` is the old name, `{1}` what the first wildcard of the pattern matched."""

    def __init__(self, pattern: str, template: str) -> None:
        self.pattern = re.compile(_expression(pattern.encode()), re.DOTALL)
        self.parts = re.split(rb"\{(key|[1-9][0-9]*)\}", template.encode())
        highest = max((int(part) for part in self.parts[1::2] if part != b"key"), default=0)
        if len(self.parts) == 1:
            raise ValueError("the new name must contain {key} or {1}, or all keys would get the same name")
        if highest > self.pattern.groups:
            raise ValueError(f"there is no wildcard {highest} in the pattern {pattern!r}")

    def __call__(self, key: bytes) -> bytes:
        """Returns the new name of a key that matches the pattern."""
        found = self.pattern.fullmatch(key)
        if found is None:
            raise ValueError(f"{key!r} does not match the pattern")
        name = [self.parts[0]]
        for place, text in zip(self.parts[1::2], self.parts[2::2], strict=True):
            name += [key if place == b"key" else found[int(place)], text]
        return b"".join(name)


def _expression(pattern: bytes) -> bytes:
    """A pattern of SCAN as a regular expression with a group for each wildcard."""
    tokens = re.findall(rb"\*|\?|\[(?:\\.|[^\]\\])*\]|\\.|.", pattern, re.DOTALL)
    return b"".join(map(_part, tokens))


def _part(token: bytes) -> bytes:
    if token == b"*":
        return b"(.*)"
    if token == b"?":
        return b"(.)"
    if len(token) > 1 and token.startswith(b"["):
        return b"(" + token + b")"
    return re.escape(token[1:] if len(token) == 2 and token.startswith(b"\\") else token)


def temporary(key: bytes) -> bytes:
    """Returns a name that nobody else uses, in the hash slot of the key."""
    suffix = b":moving:" + secrets.token_hex(8).encode()
    # Redis hashes what is between the first brace and the next closing one, unless that is empty.
    tag = re.search(rb"\{([^}]*)\}", key, re.DOTALL)
    if tag and tag[1]:
        return key + suffix
    if b"}" not in key and key:
        return b"{" + key + b"}" + suffix
    # Such a key cannot stand between braces. About 16,384 numbers are tried until one is in its slot.
    slot = crc_hqx(key, 0) % SLOTS
    number = next(n for n in count() if crc_hqx(b"%d" % n, 0) % SLOTS == slot)
    return b"{%d}%b%b" % (number, key, suffix)


def shown(key: bytes) -> str:
    """A key as text, whatever its bytes are."""
    return key.decode(errors="backslashreplace")
