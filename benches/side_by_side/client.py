"""Times what a Python service would do. Prints the results as one JSON object.

client.py versions | count FILE | session PORT ROUNDS
"""

import glob
import hashlib
import json
import os
import platform
import shutil
import statistics
import sys
import time
from importlib.metadata import version

TABLE = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


def encoding():
    """Returns tiktoken's o200k_base. Without a network, its table is taken from the crate tiktoken-rs, which has a
    copy; tiktoken checks the hash.
    """
    import tiktoken

    cache = os.path.join(sys.prefix, "tiktoken")
    os.environ["TIKTOKEN_CACHE_DIR"] = cache
    try:
        return tiktoken.get_encoding("o200k_base")
    except Exception:
        home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
        tables = glob.glob(home + "/registry/src/*/tiktoken-rs-*/assets/o200k_base.tiktoken")
        if not tables:
            raise
        os.makedirs(cache, exist_ok=True)
        shutil.copyfile(tables[-1], os.path.join(cache, hashlib.sha1(TABLE.encode()).hexdigest()))
        return tiktoken.get_encoding("o200k_base")


def versions():
    packages = ", ".join(f"{name} {version(name)}" for name in ("redis", "hiredis", "tiktoken"))
    return {"versions": f"Python {platform.python_version()}, {packages}"}


def count(path):
    with open(path, encoding="utf-8") as file:
        texts = json.load(file)
    encode = encoding().encode_ordinary
    encode("warm up")
    start = time.perf_counter()
    tokens = sum(len(encode(text)) for text in texts)
    return {"tokens": tokens, "seconds": time.perf_counter() - start}


def counter():
    """Computes T(message) as a Python service would."""
    encode = encoding().encode_ordinary

    def tokens(m):
        n = 3 + len(encode(m["role"])) + len(encode(m.get("content") or ""))
        for call in m.get("tool_calls") or []:
            f = call["function"]
            n += len(encode(f["name"])) + 1 + len(encode(f["arguments"]))
        return n

    return tokens


def newest(history, cost, budget):
    """Returns the newest messages within the budget, after the first message if that is a system message."""
    left, window = budget - 3, []
    head = history[:1] if history[0]["role"] == "system" else []
    left -= sum(map(cost, head))
    for m in reversed(history[len(head):]):
        left -= cost(m)
        if left < 0:
            break
        window.append(m)
    window.reverse()
    while window and window[0]["role"] == "tool":
        window.pop(0)  # the window starts after its call
    return head + window


def session(port, rounds, budget=3000):
    import redis

    r = redis.Redis(port=port)
    tokens = counter()

    def trim(history, cost):
        return newest(history, cost, budget)

    def conv():
        return json.loads(r.execute_command("CONV.RECENT", "c", budget, "FORMAT", "JSON"))

    def cached():
        return trim(json.loads(r.get("cached")), lambda m: m["tokens"])

    def recount():
        return trim(json.loads(r.get("plain")), tokens)

    def recount_all():
        history = json.loads(r.get("plain"))
        counts = {id(m): tokens(m) for m in history}
        return trim(history, lambda m: counts[id(m)])

    def timed(prompt, times):
        taken = []
        for _ in range(times):
            start = time.perf_counter()
            prompt()
            taken.append((time.perf_counter() - start) * 1e3)
        return statistics.median(taken)

    # The comparison is only valid if all variants return the same prompt.
    expected = conv()
    for other in (recount, recount_all):
        assert other() == expected, f"{other.__name__}: another prompt"
    assert [m["content"] for m in cached()] == [m["content"] for m in expected]
    figures = {"conv": [], "cached": [], "recount": [], "recount_all": [], "returned": len(expected)}
    for number in range(rounds):
        figures["conv"].append(timed(conv, 1000))
        figures["cached"].append(timed(cached, 5))
        figures["recount"].append(timed(recount, 5))
        if number == 0:  # takes seconds
            figures["recount_all"].append(timed(recount_all, 1))
    return figures


if __name__ == "__main__":
    task, *args = sys.argv[1:]
    tasks = {"versions": versions, "count": count, "session": lambda p, n: session(int(p), int(n))}
    print(json.dumps(tasks[task](*args)))
