"""The command line: `python -m redis_conv.migrate --help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO, cast

import redis
import redis.cluster

from .mover import TYPES, Mover, Outcome
from .names import Template, shown
from .progress import Progress

DESCRIPTION = """\
Moves histories to conversations, while the service runs. Each key is imported under a temporary name and renamed in a
transaction that fails if the key was written to meanwhile; it is then tried again. Expiries are kept. A value that is
not a conversation is reported and stays as it is. If a run ends early, start it again: what is moved is skipped.
"""
EPILOG = """\
exit status: 0 all moved, 1 some keys were rejected or busy, 2 the run ended early

examples:
  python -m redis_conv.migrate --from lists 'chat:*' --dry-run
  python -m redis_conv.migrate --from lists-newest-first 'message_store:*'
  python -m redis_conv.migrate --from strings 'session:*' --history messages
  python -m redis_conv.migrate --from redisjson 'doc:*' --to 'chat:{1}' --keep
"""


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    options = argparse.ArgumentParser(
        prog="python -m redis_conv.migrate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("pattern", help="keys to move, as SCAN takes it: 'chat:*'")
    options.add_argument(
        "--from",
        dest="source",
        choices=list(TYPES),
        required=True,
        help="what the keys hold; other types stay",
    )
    options.add_argument("--url", default="redis://127.0.0.1:6379/0", help="the server (%(default)s)")
    options.add_argument("--cluster", action="store_true", help="move the keys of all primaries of a cluster")
    options.add_argument("--history", metavar="PATH", help="where a document has its messages: a.b.c")
    options.add_argument(
        "--to", metavar="TEMPLATE", help="new name; {key} is the old one, {1} what the first wildcard matched"
    )
    options.add_argument("--keep", action="store_true", help="keep the old keys (with --to)")
    options.add_argument("--overwrite", action="store_true", help="replace new keys that exist (with --to)")
    options.add_argument(
        "--dry-run",
        action="store_true",
        help="check every key and move none (each is imported under a temporary name, and removed)",
    )
    options.add_argument("--attempts", type=int, default=20, help="tries for a key that is written to (%(default)s)")
    options.add_argument("--rejected", metavar="FILE", help="write keys and reasons there, one JSON object a line")
    options.add_argument("--quiet", action="store_true", help="no progress")
    return options


def nodes(url: str, cluster: bool) -> Iterator[redis.Redis]:
    """Clients of the nodes whose keys are moved."""
    if not cluster:
        yield redis.Redis.from_url(url, decode_responses=False)
        return
    for node in redis.cluster.RedisCluster.from_url(url).get_primaries():
        yield cast(redis.Redis, node.redis_connection)


def write(file: TextIO, outcome: Outcome) -> None:
    """A line of the file of rejected keys."""
    line = {"key": shown(outcome.key), "status": outcome.status, "reason": outcome.reason}
    print(json.dumps(line, ensure_ascii=False), file=file, flush=True)


def run(options: argparse.Namespace) -> int:
    """Moves the keys. Returns the exit status."""
    clients = list(nodes(options.url, options.cluster))
    for client in clients:
        if not client.execute_command("COMMAND LIST", "FILTERBY", "MODULE", "conv"):
            print("The module conv is not loaded.", file=sys.stderr)
            return 2
    name = Template(options.pattern, options.to) if options.to else None
    progress = Progress(sum(client.dbsize() for client in clients), sys.stderr, options.quiet)
    with Path(options.rejected).open("a", encoding="utf-8") if options.rejected else nullcontext() as file:
        try:
            for client in clients:
                mover = Mover(
                    client,
                    options.source,
                    history=options.history,
                    name=name,
                    keep=options.keep,
                    overwrite=options.overwrite,
                    dry_run=options.dry_run,
                    attempts=options.attempts,
                )
                for outcome in mover.run(options.pattern, progress.scanned):
                    progress.add(outcome)
                    if file is not None and outcome.status in ("rejected", "busy"):
                        write(file, outcome)
        except (redis.RedisError, KeyboardInterrupt) as error:
            progress.line(f"Ended early: {str(error) or 'interrupted'}. Start it again to go on.")
            print(progress.summary())
            return 2
    progress.clear()
    print(progress.summary())
    return 1 if progress.counts["rejected"] or progress.counts["busy"] else 0


def main() -> None:
    """Runs the mover with the arguments of the process."""
    options = parser().parse_args()
    if (options.keep or options.overwrite) and not options.to:
        parser().error("--keep and --overwrite need --to")
    if options.attempts < 1:
        parser().error("--attempts is at least 1")
    try:
        sys.exit(run(options))
    except (ValueError, OSError, redis.RedisError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
