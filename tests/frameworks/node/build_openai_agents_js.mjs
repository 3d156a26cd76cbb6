// OpenAI Agents SDK in JavaScript: items of its session (camel case: callId, function_call_result).
import { MemorySession, assistant as said, system as told, user as asked } from "@openai/agents-core";
import {
  ANSWER, CALL_1, CALL_2, CALLS, FAILED, IMAGE_URL, LOOKING, QUESTION, REASONING, SUNNY, SYSTEM, THANKS, TIDES, WEATHER,
  assistant, emit, system, tool, user,
} from "./forms.mjs";

const session = new MemorySession({ sessionId: "s" });
await session.addItems([
  told(SYSTEM),
  asked([{ type: "input_text", text: QUESTION }, { type: "input_image", image: IMAGE_URL }]),
  { type: "reasoning", id: "rs_1", content: [{ type: "input_text", text: REASONING }] },
  { type: "function_call", id: "fc_1", callId: CALL_1, name: WEATHER, arguments: CALLS[0][2], status: "completed" },
  { type: "function_call", id: "fc_2", callId: CALL_2, name: TIDES, arguments: CALLS[1][2], status: "completed" },
  {
    type: "function_call_result", callId: CALL_1, name: WEATHER, status: "completed",
    output: { type: "text", text: SUNNY },
  },
  {
    type: "function_call_result", callId: CALL_2, name: TIDES, status: "completed",
    output: [{ type: "input_text", text: FAILED }, { type: "input_image", image: IMAGE_URL }],
  },
  said(ANSWER),
  asked(LOOKING),
  { type: "hosted_tool_call", id: "ws_1", name: "web_search_call", status: "completed", arguments: "{}", output: SUNNY },
  { type: "computer_call", id: "cu_1", callId: "c3", status: "completed", action: { type: "screenshot" } },
  { type: "computer_call_result", callId: "c3", output: { type: "computer_screenshot", data: IMAGE_URL } },
  { type: "shell_call", id: "sh_1", callId: "c4", status: "completed", action: { commands: ["ls"] } },
  {
    type: "shell_call_output", callId: "c4",
    output: [{ stdout: SUNNY, stderr: FAILED, outcome: { type: "exit", exitCode: 1 } }],
  },
  said(ANSWER),
  asked(THANKS),
]);
const items = await session.getItems();
emit("@openai/agents-core", "session_items", items.map((item) => JSON.stringify(item)), [
  system([SYSTEM]),
  user([QUESTION], { media: 1 }),
  assistant([REASONING]),
  assistant([], { calls: [CALLS[0]] }),
  assistant([], { calls: [CALLS[1]] }),
  tool([SUNNY], { results: [CALL_1], name: WEATHER }),
  tool([FAILED], { results: [CALL_2], name: TIDES, media: 1 }),
  assistant([ANSWER]),
  user([LOOKING]),
  assistant([SUNNY], { calls: [[null, "web_search_call", "{}"]], hosted: true }),
  assistant([], { calls: [["c3", "", '{"type":"screenshot"}']] }),
  tool([], { results: ["c3"], media: 1 }),
  assistant([], { calls: [["c4", "", '{"commands":["ls"]}']] }),
  tool([SUNNY, FAILED], { results: ["c4"] }),
  assistant([ANSWER]),
  user([THANKS]),
], { groups: [[2, 3, 4, 5, 6]] });
