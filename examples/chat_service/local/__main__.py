"""Starts it all to try by hand: `STORE=conv python -m chat_service.local path/to/libconv.so`. Ctrl-C ends it."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from .servers import LocalRedis, postgres, service


def main() -> None:
    module = str(Path(sys.argv[1]).resolve())
    store = os.environ.get("STORE", "conv")
    with postgres() as database_url, LocalRedis(module) as redis, service(store, redis.url, database_url) as url:
        print(f"{store} on {url}, {redis.url}, {database_url}\n")
        print(f"curl -s '{url}/chats/7/turns?trace=true' --json '{{\"text\": \"Hello!\"}}'")
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()
