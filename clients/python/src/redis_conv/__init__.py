"""Typed client for conv, the Redis data type for LLM conversations."""

from .client import AsyncConv, Conv
from .replies import Claim, Encoding, Info, Message, Recent, SearchHit, Stored, Summary

__all__ = [
    "AsyncConv",
    "Claim",
    "Conv",
    "Encoding",
    "Info",
    "Message",
    "Recent",
    "SearchHit",
    "Stored",
    "Summary",
]
