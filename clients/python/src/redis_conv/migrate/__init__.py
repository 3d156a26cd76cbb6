"""Moves existing histories to conversations, while the service runs.

    python -m redis_conv.migrate --from lists 'chat:*'

As a library:

    mover = Mover(redis.Redis(), "lists")
    for outcome in mover.run("chat:*"):
        print(outcome.key, outcome.status, outcome.reason)
"""

from .mover import Mover, Outcome, Source
from .names import Template

__all__ = ["Mover", "Outcome", "Source", "Template"]
