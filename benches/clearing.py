"""Measures what clearing old tool results gains, for docs/concepts/pins.md and docs/performance.md.

    python benches/clearing.py HOST:PORT FILE

A server with the module listens at HOST:PORT; keys of it that begin with clearing: are overwritten and deleted. FILE holds one
conversation a line, a JSON array of messages: runs of an agent with many tool calls, which become one session. Prints two
Markdown tables: how many turns fit a budget with and without CLEAR 3, and how often the prompt cache of a provider would find
the prompt before, with and without STEP. Both look at the window before each turn.
"""

import json
import sys

import redis

KEY = "clearing:run"
TURNS = 1000


def window(r, budget, *options):
    """What RECENT returns, read as JSON."""
    reply = r.execute_command("CONV.RECENT", KEY, budget, "FORMAT", "JSON", *options)
    return json.loads(reply)


def turns(messages):
    """A turn is what the model says or calls: an assistant message, with the results of its calls."""
    return sum(m["role"] == "assistant" for m in messages)


def fitting(r, session):
    print(f"| budget | turns | turns with CLEAR 3 | more |")
    print("| --: | --: | --: | --: |")
    sums = {budget: [0, 0] for budget in (2000, 4000, 8000, 16000)}
    for _ in replayed(r, session):
        for budget, (plain, cleared) in sums.items():
            sums[budget] = [plain + turns(window(r, budget)), cleared + turns(window(r, budget, "CLEAR", 3))]
    for budget, (plain, cleared) in sums.items():
        print(f"| {budget:,} | {plain / TURNS:.1f} | {cleared / TURNS:.1f} | {100 * (cleared / plain - 1):.0f} % |")


def unchanged(r, session):
    print("| options | requests whose prompt begins with the whole prompt before | bytes that are the same at the beginning |")
    print("| --- | --: | --: |")
    for options in [], ["STEP", 2000], ["CLEAR", 3], ["CLEAR", 3, "STEP", 2000]:
        before, asked, whole, same, total = b"", 0, 0, 0, 0
        for _ in replayed(r, session):
            prompt = r.execute_command("CONV.RECENT", KEY, 8000, "FORMAT", "JSON", *options)[:-1]
            if before:
                shared = common(before, prompt)
                asked += 1
                whole += shared == len(before)
                same += shared
                total += len(prompt)
            before = prompt
        name = " ".join(["RECENT 8000", *map(str, options)])
        print(f"| {name} | {100 * whole / asked:.1f} % | {100 * same / total:.1f} % |")


def replayed(r, session):
    """Appends the session message by message. Stops before each of the TURNS first turns: the model is asked then."""
    r.delete(KEY)
    asked = 0
    for message in session:
        if json.loads(message)["role"] == "assistant":
            yield
            asked += 1
            if asked == TURNS:
                return
        r.execute_command("CONV.APPEND", KEY, message)
    sys.exit(f"only {asked} turns")


def common(a, b):
    """How many bytes at the beginning are the same."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def main(address, file):
    host, port = address.rsplit(":", 1)
    r = redis.Redis(host, int(port))
    with open(file, encoding="utf-8") as lines:
        runs = [json.loads(line) for line in lines if line.strip()]
    # One long session: the agent serves one customer after the other, under the instructions of the first run.
    session = [m for i, run in enumerate(runs) for m in run if i == 0 or m["role"] != "system"]
    session = [json.dumps(m, ensure_ascii=False) for m in session]
    print(f"{len(runs)} runs, {len(session):,} messages, the first {TURNS:,} turns\n")
    fitting(r, session)
    print()
    unchanged(r, session)
    r.delete(KEY)


main(*sys.argv[1:])
