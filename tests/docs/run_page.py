"""Runs the Python examples of a page in order, in one namespace, against the server on a port.

    run_page.py page.md port

A client without an address connects to that server. Errors name the line of the page.
"""

import glob
import hashlib
import os
import shutil
import sys

import redis

# The package of this repository, for the pages that use it.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../clients/python/src"))

TABLES = "https://openaipublic.blob.core.windows.net/encodings/"


def bring_tables():
    """Puts tiktoken's tables into its cache directory, so that it does not download them. The crate tiktoken-rs has
    copies; tiktoken checks their hashes.
    """
    cache = os.environ.setdefault("TIKTOKEN_CACHE_DIR", os.path.join(sys.prefix, "tiktoken"))
    os.makedirs(cache, exist_ok=True)
    home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    for table in sorted(glob.glob(home + "/registry/src/*/tiktoken-rs-*/assets/*_base.tiktoken")):
        name = hashlib.sha1((TABLES + os.path.basename(table)).encode()).hexdigest()
        shutil.copyfile(table, os.path.join(cache, name))


def blocks(lines):
    """Returns the Python blocks, each with the number of its first line (from 1)."""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and line.startswith("```python"):
            start = number + 1
        elif start is not None and line.startswith("```"):
            yield start, lines[start - 1 : number - 1]
            start = None


def main(path, port):
    connect = redis.Redis.__init__

    def connect_to_the_page_server(self, *args, **kwargs):
        if not args and "connection_pool" not in kwargs:
            kwargs.setdefault("port", port)
        connect(self, *args, **kwargs)

    redis.Redis.__init__ = connect_to_the_page_server
    bring_tables()
    with open(path, encoding="utf-8") as page:
        lines = page.read().split("\n")
    namespace = {"__name__": "page", "PORT": port}
    for start, code in blocks(lines):
        # Empty lines before the code make its line numbers those of the page.
        exec(compile("\n" * (start - 1) + "\n".join(code), path, "exec"), namespace)


main(sys.argv[1], int(sys.argv[2]))
