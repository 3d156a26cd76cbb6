"""Times the turns of a chat service. Prints the results as one JSON object.

service.py turn PORT ROUNDS | cold PORT ROUNDS FILE | misses PORT
"""

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time

from client import counter, newest

BUDGET = 3000
QUESTION = '{"role":"user","content":"And what would you do in my place?"}'
ANSWER = '{"role":"assistant","content":"I would sleep on it, and decide in the morning."}'


def timed(step, times):
    taken = []
    for number in range(times):
        start = time.perf_counter()
        step(number)
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def turn(port, rounds):
    """Loads the context, appends question and reply. The JSON session keeps its counts, so it does not count again."""
    import orjson
    import redis

    r = redis.Redis(port=port)
    more = [dict(json.loads(m), tokens=17) for m in (QUESTION, ANSWER)]
    original = r.get("cached")

    def conv(_):
        json.loads(r.execute_command("CONV.RECENT", "c", BUDGET, "FORMAT", "JSON"))
        r.execute_command("CONV.APPEND", "c", QUESTION, ANSWER)

    def whole(loads, dumps):
        def step(_):
            history = loads(r.get("cached"))
            newest(history, lambda m: m["tokens"], BUDGET)
            history.extend(more)
            r.set("cached", dumps(history))

        return step

    steps = {
        "conv": (conv, 300),
        "json": (whole(json.loads, json.dumps), 3),
        "orjson": (whole(orjson.loads, orjson.dumps), 5),
    }
    figures = {name: [] for name in steps}
    for _ in range(rounds):
        for name, (step, times) in steps.items():
            figures[name].append(timed(step, times))
        r.set("cached", original)
    return figures


def cold(port, rounds, path):
    """The first prompt of an old conversation that is not in Redis. The database is SQLite in this process, the
    fastest possible; with a database server the difference is larger.
    """
    import redis

    r = redis.Redis(port=port)
    tokens = counter()
    with open(path, encoding="utf-8") as file:
        messages = [line.rstrip("\n") for line in file]
    with tempfile.TemporaryDirectory() as directory:
        db = sqlite3.connect(os.path.join(directory, "chat.db"))
        db.execute("CREATE TABLE message (chat TEXT, seq INTEGER, body TEXT, PRIMARY KEY (chat, seq))")
        db.executemany("INSERT INTO message VALUES ('c', ?, ?)", enumerate(messages))
        db.commit()
        read = {"conv": 0, "all": 0}

        def load_all(number):
            rows = db.execute("SELECT body FROM message WHERE chat = 'c' ORDER BY seq").fetchall()
            read["all"] = len(rows)
            r.rpush(f"list:{number}", *(body for (body,) in rows))
            return newest([json.loads(body) for (body,) in rows], tokens, BUDGET)

        def by_budget(number):
            key = f"conv:{number}"
            reply = r.execute_command("CONV.RECENT", key, BUDGET, "FORMAT", "JSON", "WAIT", 5000)
            assert reply is None
            # A token has about four characters. Six per token of the budget are enough.
            rows, size = [], 0
            for (body,) in db.execute("SELECT body FROM message WHERE chat = 'c' ORDER BY seq DESC"):
                rows.append(body)
                size += len(body)
                if size > 6 * BUDGET:
                    break
            read["conv"] = len(rows)
            r.execute_command("CONV.BACKFILL", key, *reversed(rows))
            return json.loads(r.execute_command("CONV.RECENT", key, BUDGET, "FORMAT", "JSON"))

        assert by_budget("check") == load_all("check")
        figures = {"conv": [], "all": []}
        for number in range(rounds):
            figures["conv"].append(timed(lambda n: by_budget(f"{number}:{n}"), 30))
            figures["all"].append(timed(lambda n: load_all(f"{number}:{n}"), 10))
        return figures | {"read": read}


async def miss(port, clients, wait):
    """Lets all clients miss at once. Returns the number of loads, and the time in ms until all have their prompt."""
    import redis.asyncio as redis

    pool = redis.BlockingConnectionPool(port=port, max_connections=clients, timeout=60)
    r = redis.Redis(connection_pool=pool)
    key, loads = f"missed:{wait}", 0
    history = [json.dumps({"role": "user", "content": f"message {n}", "id": str(n)}) for n in range(1000)]
    # All clients connect before the measurement starts.
    await asyncio.gather(*(r.execute_command("PING") for _ in range(clients)))

    async def ask():
        nonlocal loads
        options = ("WAIT", 30000) if wait else ()
        reply = await r.execute_command("CONV.RECENT", key, BUDGET, *options)
        # Without WAIT a missing key is an empty conversation.
        if not reply:
            loads += 1
            await asyncio.sleep(0.05)  # the database
            await r.execute_command("CONV.BACKFILL", key, "COMPLETE", *history)
            reply = await r.execute_command("CONV.RECENT", key, BUDGET, *options)
        assert len(reply) > 100
        return reply

    start = time.perf_counter()
    replies = await asyncio.gather(*(ask() for _ in range(clients)))
    taken = (time.perf_counter() - start) * 1e3
    assert all(reply == replies[0] for reply in replies)
    await r.aclose()
    await pool.disconnect()
    return loads, taken


def misses(port, clients=1000):
    waiting, plain = (asyncio.run(miss(port, clients, wait)) for wait in (True, False))
    return {"loads": [waiting[0], plain[0]], "ms": [waiting[1], plain[1]]}


if __name__ == "__main__":
    task, *args = sys.argv[1:]
    tasks = {
        "turn": lambda port, rounds: turn(int(port), int(rounds)),
        "cold": lambda port, rounds, path: cold(int(port), int(rounds), path),
        "misses": lambda port: misses(int(port)),
    }
    print(json.dumps(tasks[task](*args)))
