"""google-genai: `Content` as a history stores it, with aliases and without, with all keys and without nulls."""

from __future__ import annotations

from collections.abc import Callable

from google.genai.types import (
    Blob,
    CodeExecutionResult,
    Content,
    ExecutableCode,
    FileData,
    FunctionCall,
    FunctionResponse,
    Part,
    ToolCall,
    ToolResponse,
)

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    LOOKING,
    PIXELS,
    QUESTION,
    REASONING,
    SUNNY,
    THANKS,
    TIDES,
    TIDES_ARGS,
    WEATHER,
    WEATHER_ARGS,
    assistant,
    compact,
    emit,
    tool,
    user,
)

NAME = "google-genai"
GOOD, BAD = {"output": SUNNY}, {"error": FAILED}


def contents(with_ids: bool) -> list[Content]:
    """The conversation; the Gemini API gives calls no ids, Vertex AI and ADK do."""
    first, second = (CALL_1, CALL_2) if with_ids else (None, None)
    return [
        Content(role="user", parts=[Part(text=QUESTION), Part(inline_data=Blob(data=PIXELS, mime_type="image/png"))]),
        Content(
            role="model",
            parts=[
                Part(text=REASONING, thought=True),
                Part(text=LOOKING),
                Part(
                    function_call=FunctionCall(id=first, name=WEATHER, args=WEATHER_ARGS),
                    thought_signature=b"signature",
                ),
                Part(function_call=FunctionCall(id=second, name=TIDES, args=TIDES_ARGS)),
            ],
        ),
        Content(
            role="user",
            parts=[
                Part(function_response=FunctionResponse(id=first, name=WEATHER, response=GOOD)),
                Part(function_response=FunctionResponse(id=second, name=TIDES, response=BAD)),
            ],
        ),
        Content(
            role="model",
            parts=[
                Part(executable_code=ExecutableCode(code="print(21)", language="PYTHON")),
                Part(code_execution_result=CodeExecutionResult(outcome="OUTCOME_OK", output="21")),
                Part(text=ANSWER),
            ],
        ),
        Content(
            role="user",
            parts=[
                Part(text=THANKS),
                Part(file_data=FileData(file_uri="https://example.org/a.pdf", mime_type="application/pdf")),
            ],
        ),
    ]


def camel_case(content: Content) -> str:
    """As the REST API spells it."""
    return content.model_dump_json(exclude_none=True, by_alias=True)


def snake_case(content: Content) -> str:
    """As Python's dumps spell it."""
    return content.model_dump_json(exclude_none=True)


def all_keys(content: Content) -> str:
    """A plain dump: every field, nulls included."""
    return content.model_dump_json()


WRITERS: dict[str, Callable[[Content], str]] = {
    "camel_case": camel_case,
    "snake_case": snake_case,
    "all_keys": all_keys,
}
for form, write in WRITERS.items():
    for with_ids in (False, True):
        first, second = (CALL_1, CALL_2) if with_ids else (None, None)
        emit(
            NAME,
            f"{form}_with_ids" if with_ids else form,
            [write(content) for content in contents(with_ids)],
            [
                user(QUESTION, media=1),
                assistant(
                    REASONING,
                    LOOKING,
                    role="model",
                    calls=[[first, WEATHER, compact(WEATHER_ARGS)], [second, TIDES, compact(TIDES_ARGS)]],
                ),
                tool(WEATHER, compact(GOOD), TIDES, compact(BAD), role="user", results=[first, second]),
                assistant("print(21)", "21", ANSWER, role="model"),
                user(THANKS, media=1),
            ],
        )

# Tools that run at Google: call and response in one message.
QUERY = {"queries": ["tides Lisbon"]}
SERVER = [
    Content(role="user", parts=[Part(text=QUESTION)]),
    Content(
        role="model",
        parts=[
            Part(
                tool_call=ToolCall(id="s1", tool_type="GOOGLE_SEARCH_WEB", args=QUERY), thought_signature=b"signature"
            ),
            Part(tool_response=ToolResponse(id="s1", tool_type="GOOGLE_SEARCH_WEB", response=GOOD)),
            Part(text=ANSWER),
        ],
    ),
    Content(role="user", parts=[Part(text=THANKS)]),
]
for form, write in WRITERS.items():
    emit(
        NAME,
        f"{form}_server_tools",
        [write(content) for content in SERVER],
        [
            user(QUESTION),
            assistant(compact(GOOD), ANSWER, role="model", calls=[["s1", "", compact(QUERY)]], results=["s1"]),
            user(THANKS),
        ],
    )
