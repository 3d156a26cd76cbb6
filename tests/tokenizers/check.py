"""Compares a server's counts with those of each model's own library: check.py MODULE FILES STRINGS [TEXT ...]."""

import json
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

import redis
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizers import Tokenizer

PARTS = """the The THE don't I'LL we've 's 'S 'ſ été e\u0301te\u0301 \u0301 straße 12345 １０ ١٢٣ ½ 3.14 漢字 龥 龦 カタカナ ー ・ 한국어 ไทย
हिन्दी {"a": [1]} --- // <table> <think> </think> <|im_start|> <|endoftext|> ▁ ▁▁ _ 😀 👩‍👩‍👧‍👦 \U0001f979""".split()
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u3000", "\u200b", "\u0085"]


def character(rng):
    while True:
        code = rng.randrange(rng.choice([0x80, 0x300, 0x3100, 0x10000, 0x20000, 0x110000]))
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def string(rng):
    text = []
    for _ in range(rng.randrange(1, 12)):
        kind = rng.randrange(6)
        if kind == 0:
            text += [character(rng) for _ in range(rng.randrange(1, 6))]
        elif kind == 1:
            text.append(rng.choice(SPACES) * rng.randrange(1, 5))
        elif kind == 2:
            text.append(rng.choice(PARTS) * rng.randrange(1, 20))
        else:
            text.append(rng.choice(PARTS) + rng.choice(["", " "]))
    return "".join(text)


def oracle(path):
    """A function from texts to counts, by the model's own library where it has one."""
    name = path.name
    if name.endswith(".tekken.json"):
        tekken = Tekkenizer.from_file(path)
        return "mistral-common", lambda texts: [len(tekken.encode(text, False, False)) for text in texts]
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return "tokenizers", lambda texts: [len(e.ids) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


def start(module, files):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory = tempfile.mkdtemp()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
    command += ["--loadmodule", module, "tokenizers", str(files)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, decode_responses=True)
    for _ in range(600):
        try:
            client.ping()
            return server, client
        except redis.ConnectionError:
            time.sleep(0.05)
    sys.exit("the server did not start")


def main():
    module, files, strings, *paths = sys.argv[1:]
    files = pathlib.Path(files)
    texts = [pathlib.Path(path).read_text() for path in paths]
    texts += [line for text in texts for line in text.splitlines()]
    rng = random.Random(7095)
    texts += [string(rng) for _ in range(int(strings))]
    server, client = start(module, files)
    longest, failed = 0.0, 0
    try:
        while True:
            begin = time.perf_counter()
            listed = client.execute_command("CONV.ENCODINGS")
            longest = max(longest, time.perf_counter() - begin)
            # A map by RESP3, a flat list by RESP2.
            states = [e if isinstance(e, dict) else dict(zip(e[::2], e[1::2])) for e in listed]
            if all(entry["state"] != "loading" for entry in states):
                break
            time.sleep(0.002)
        print(f"longest reply while the files were loaded: {longest * 1e3:.1f} ms")
        for entry in states:
            print(json.dumps(entry))
        for path in sorted(files.glob("*.json")):
            name = path.name.removesuffix(".json").removesuffix(".tekken")
            library, count = oracle(path)
            differences = 0
            for at in range(0, len(texts), 1000):
                batch = texts[at : at + 1000]
                ours = client.execute_command("CONV.TOKENS", *batch, "ENCODING", name)
                theirs = count(batch)
                for text, a, b in zip(batch, ours, theirs):
                    if a != b:
                        differences += 1
                        if differences <= 3:
                            print(f"  {name}: {a}, {library} {b}: {text!r}")
            print(f"{name}: {len(texts)} texts, {differences} differences to {library}")
            failed += differences
    finally:
        server.terminate()
        server.wait()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
