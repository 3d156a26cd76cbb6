"""OpenAI's SDK: items of the Responses API, every type that its current version knows."""

from __future__ import annotations

import json
from typing import Any

from openai.types.responses import (
    ResponseCodeInterpreterToolCall,
    ResponseComputerToolCall,
    ResponseCustomToolCall,
    ResponseFileSearchToolCall,
    ResponseFunctionToolCall,
    ResponseFunctionWebSearch,
    ResponseOutputMessage,
    ResponseReasoningItem,
)
from openai.types.responses.response_output_item import (
    ImageGenerationCall,
    LocalShellCall,
    McpApprovalRequest,
    McpCall,
    McpListTools,
)

from forms import (
    ANSWER,
    CALL_1,
    CALL_2,
    FAILED,
    IMAGE,
    IMAGE_URL,
    LOOK,
    LOOKING,
    QUESTION,
    REASONING,
    SUNNY,
    SYSTEM,
    THANKS,
    TIDES,
    TIDES_ARGS,
    WEATHER,
    WEATHER_ARGS,
    assistant,
    compact,
    emit,
    spaced,
    system,
    tool,
    user,
)

NAME = "openai"
WEATHER_TEXT, TIDES_TEXT = compact(WEATHER_ARGS), compact(TIDES_ARGS)
CALLS = [[CALL_1, WEATHER, WEATHER_TEXT], [CALL_2, TIDES, TIDES_TEXT]]


def dumped(model: Any) -> str:
    """As most services store an answer: every field, nulls included."""
    return model.model_dump_json()


def member(model: Any, name: str) -> str:
    """The JSON text of one field, as it is dumped."""
    return compact(json.loads(dumped(model))[name])


def brief(model: Any) -> str:
    """Without fields that are not set."""
    return model.to_json(indent=None)


INPUT = {
    "type": "message",
    "role": "user",
    "content": [
        {"type": "input_text", "text": QUESTION},
        {"type": "input_image", "image_url": IMAGE_URL, "detail": "auto"},
    ],
}


def reasoning(ident: str, *summary: str, **fields: Any) -> ResponseReasoningItem:
    """A reasoning item."""
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return ResponseReasoningItem.model_validate({"id": ident, "type": "reasoning", "summary": parts, **fields})


def answer(ident: str, text: str) -> ResponseOutputMessage:
    """A message of the model."""
    part = {"type": "output_text", "text": text, "annotations": []}
    fields = {"id": ident, "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return ResponseOutputMessage.model_validate(fields)


def function_call(call_id: str, name: str, arguments: str) -> ResponseFunctionToolCall:
    """A call of a function."""
    return ResponseFunctionToolCall(
        type="function_call", id=f"fc_{call_id}", call_id=call_id, name=name, arguments=arguments, status="completed"
    )


for form, write in (("responses_model_dump", dumped), ("responses_to_json", brief)):
    emit(
        NAME,
        form,
        [
            json.dumps({"role": "developer", "content": SYSTEM}),
            json.dumps(INPUT),
            write(reasoning("rs_1", REASONING, encrypted_content="c2ln")),
            write(answer("msg_1", LOOKING)),
            write(function_call(CALL_1, WEATHER, WEATHER_TEXT)),
            write(function_call(CALL_2, TIDES, TIDES_TEXT)),
            json.dumps({"type": "function_call_output", "call_id": CALL_1, "output": SUNNY}),
            json.dumps(
                {
                    "type": "function_call_output",
                    "call_id": CALL_2,
                    "output": [{"type": "input_text", "text": FAILED}, {"type": "input_image", "image_url": IMAGE_URL}],
                }
            ),
            write(reasoning("rs_2", encrypted_content="c2ln")),
            write(answer("msg_2", ANSWER)),
            json.dumps({"role": "user", "content": THANKS}),
        ],
        [
            system(SYSTEM, role="developer"),
            user(QUESTION, media=1),
            assistant(REASONING),
            assistant(LOOKING),
            assistant(calls=[CALLS[0]]),
            assistant(calls=[CALLS[1]]),
            tool(SUNNY, results=[CALL_1]),
            tool(FAILED, results=[CALL_2], media=1),
            # Opaque data only: one media part.
            assistant(media=1),
            assistant(ANSWER),
            user(THANKS),
        ],
        groups=[[2, 3, 4, 5, 6, 7], [8, 9]],
    )

SEARCH = {"type": "search", "query": "tides Lisbon", "sources": None, "queries": None}
SEARCHED = ResponseFunctionWebSearch.model_validate(
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": SEARCH}
)
CLICKED = ResponseComputerToolCall.model_validate(
    {
        "id": "cu_1",
        "type": "computer_call",
        "call_id": "c1",
        "status": "completed",
        "action": {"type": "click", "button": "left", "x": 3, "y": 4},
        "pending_safety_checks": [],
    }
)
EXECUTED = LocalShellCall.model_validate(
    {
        "id": "lsh_1",
        "type": "local_shell_call",
        "call_id": "c2",
        "status": "completed",
        "action": {"type": "exec", "command": ["ls"], "env": {}},
    }
)
SHELL = {"commands": ["ls -l"], "timeout_ms": 1000}
PATCH = {"type": "update_file", "path": "tides.txt", "diff": "@@\n-low\n+high"}
MCP = {"id": "mcp_2", "type": "mcp_call", "server_label": "sea", "name": TIDES, "arguments": TIDES_TEXT}
ERROR = {"code": 503, "message": FAILED, "type": "http_error"}
TOOL = {"type": "function", "name": TIDES, "parameters": {"type": "object"}}
emit(
    NAME,
    "responses_hosted_tools",
    [
        json.dumps(INPUT),
        dumped(reasoning("rs_1", REASONING)),
        dumped(SEARCHED),
        dumped(SEARCHED.model_copy(update={"id": "ws_2"})),
        dumped(answer("msg_1", ANSWER)),
        json.dumps({"role": "user", "content": LOOK}),
        dumped(
            ResponseFileSearchToolCall.model_validate(
                {
                    "id": "fs_1",
                    "type": "file_search_call",
                    "status": "completed",
                    "queries": ["tides"],
                    "results": [{"file_id": "f1", "filename": "tides.md", "score": 0.5, "text": SUNNY}],
                }
            )
        ),
        dumped(
            ResponseCodeInterpreterToolCall.model_validate(
                {
                    "id": "ci_1",
                    "type": "code_interpreter_call",
                    "status": "completed",
                    "container_id": "cntr_1",
                    "code": "print(21)",
                    "outputs": [
                        {"type": "logs", "logs": "21"},
                        {"type": "image", "url": "https://example.org/plot.png"},
                    ],
                }
            )
        ),
        dumped(ImageGenerationCall(id="ig_1", type="image_generation_call", status="completed", result=IMAGE)),
        dumped(
            McpListTools.model_validate(
                {
                    "id": "mcpl_1",
                    "type": "mcp_list_tools",
                    "server_label": "sea",
                    "tools": [{"name": TIDES, "input_schema": {"type": "object"}}],
                }
            )
        ),
        dumped(
            McpCall(id="mcp_1", type="mcp_call", server_label="sea", name=TIDES, arguments=TIDES_TEXT, output=SUNNY)
        ),
        dumped(McpCall.model_validate({**MCP, "error": ERROR})),
        dumped(answer("msg_2", ANSWER)),
        json.dumps({"role": "user", "content": THANKS}),
    ],
    [
        user(QUESTION, media=1),
        assistant(REASONING),
        assistant(calls=[[None, "", member(SEARCHED, "action")]], hosted=True),
        assistant(calls=[[None, "", member(SEARCHED, "action")]], hosted=True),
        assistant(ANSWER),
        user(LOOK),
        assistant(SUNNY, calls=[[None, "", '["tides"]']], hosted=True),
        assistant("21", calls=[[None, "", "print(21)"]], hosted=True, media=1),
        assistant(calls=[[None, "", ""]], hosted=True, media=1, open=True),
        assistant(compact({"type": "object"}), open=True, unread=None),
        assistant(SUNNY, calls=[[None, TIDES, TIDES_TEXT]], hosted=True),
        assistant(compact(ERROR), calls=[[None, TIDES, TIDES_TEXT]], hosted=True),
        assistant(ANSWER),
        user(THANKS),
    ],
    groups=[[1, 2, 3, 4]],
)
emit(
    NAME,
    "responses_local_tools",
    [
        json.dumps({"role": "user", "content": QUESTION}),
        dumped(CLICKED),
        json.dumps(
            {
                "type": "computer_call_output",
                "call_id": "c1",
                "output": {"type": "computer_screenshot", "image_url": IMAGE_URL},
            }
        ),
        dumped(EXECUTED),
        json.dumps({"type": "local_shell_call_output", "id": "lsh_1", "output": SUNNY}),
        json.dumps({"type": "shell_call", "id": "sh_1", "call_id": "c3", "action": SHELL, "status": "completed"}),
        json.dumps(
            {
                "type": "shell_call_output",
                "call_id": "c3",
                "output": [{"stdout": SUNNY, "stderr": FAILED, "outcome": {"type": "exit", "exit_code": 1}}],
            }
        ),
        json.dumps(
            {"type": "apply_patch_call", "id": "ap_1", "call_id": "c4", "status": "completed", "operation": PATCH}
        ),
        json.dumps({"type": "apply_patch_call_output", "call_id": "c4", "status": "failed", "output": FAILED}),
        dumped(
            ResponseCustomToolCall(
                type="custom_tool_call", id="ctc_1", call_id="c5", name="sql", input="select * from tides"
            )
        ),
        json.dumps({"type": "custom_tool_call_output", "call_id": "c5", "output": SUNNY}),
        json.dumps({"type": "program", "id": "pg_1", "call_id": "c6", "code": "tides('Lisbon')", "fingerprint": "fp"}),
        json.dumps({"type": "program_output", "id": "po_1", "call_id": "c6", "result": SUNNY, "status": "completed"}),
        json.dumps(
            {
                "type": "tool_search_call",
                "id": "ts_1",
                "call_id": "c7",
                "execution": "client",
                "arguments": {"query": "tides"},
                "status": "completed",
            }
        ),
        json.dumps(
            {
                "type": "tool_search_output",
                "id": "to_1",
                "call_id": "c7",
                "execution": "client",
                "tools": [TOOL],
                "status": "completed",
            }
        ),
        dumped(
            McpApprovalRequest(
                id="mcpr_1", type="mcp_approval_request", server_label="sea", name=TIDES, arguments=TIDES_TEXT
            )
        ),
        json.dumps(
            {
                "type": "mcp_approval_response",
                "approval_request_id": "mcpr_1",
                "approve": False,
                "reason": "Too expensive.",
            }
        ),
        dumped(answer("msg_1", ANSWER)),
        json.dumps({"role": "user", "content": THANKS}),
    ],
    [
        user(QUESTION),
        assistant(calls=[["c1", "", member(CLICKED, "action")]]),
        tool(results=["c1"], media=1),
        assistant(calls=[["c2", "", member(EXECUTED, "action")]]),
        # The output names the call by the item's id.
        tool(SUNNY, results=["c2"]),
        assistant(calls=[["c3", "", spaced(SHELL)]]),
        tool(SUNNY, FAILED, results=["c3"]),
        assistant(calls=[["c4", "", spaced(PATCH)]]),
        tool(FAILED, results=["c4"]),
        assistant(calls=[["c5", "sql", "select * from tides"]]),
        tool(SUNNY, results=["c5"]),
        assistant(calls=[["c6", "", "tides('Lisbon')"]]),
        tool(SUNNY, results=["c6"]),
        assistant(calls=[["c7", "", '{"query": "tides"}']]),
        tool(spaced(TOOL), results=["c7"]),
        assistant(calls=[["mcpr_1", TIDES, TIDES_TEXT]]),
        tool("Too expensive.", results=["mcpr_1"]),
        assistant(ANSWER),
        user(THANKS),
    ],
)
# Items that carry state rather than text: what the model reads of them is opaque or unknown.
emit(
    NAME,
    "responses_state_items",
    [
        json.dumps({"type": "compaction", "id": "cmp_1", "encrypted_content": "c2lnbmF0dXJl"}),
        json.dumps({"type": "additional_tools", "role": "developer", "tools": [TOOL]}),
        json.dumps({"type": "item_reference", "id": "msg_0"}),
        json.dumps({"role": "user", "content": QUESTION}),
        json.dumps({"role": "assistant", "content": ANSWER, "phase": "final_answer"}),
        json.dumps({"role": "user", "content": THANKS}),
    ],
    [
        assistant(media=1),
        system(spaced(TOOL), role="developer", open=True, unread=None),
        assistant(open=True, unread=None),
        user(QUESTION),
        assistant(ANSWER),
        user(THANKS),
    ],
)
