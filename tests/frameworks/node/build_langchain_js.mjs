// LangChain in JavaScript: `toDict` (its Redis history) and `JSON.stringify` (the `lc` form of `toJSON`).
import { AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import {
  ANSWER, CALL_1, CALL_2, CALLS, FAILED, IMAGE_URL, LOOKING, QUESTION, REASONING, SUNNY, SYSTEM, THANKS, TIDES,
  TIDES_ARGS, WEATHER, WEATHER_ARGS, assistant, emit, system, tool, user,
} from "./forms.mjs";

const toolCalls = [
  { name: WEATHER, args: WEATHER_ARGS, id: CALL_1, type: "tool_call" },
  { name: TIDES, args: TIDES_ARGS, id: CALL_2, type: "tool_call" },
];
const shared = [
  new SystemMessage({ content: SYSTEM, id: "s1" }),
  new HumanMessage({
    content: [{ type: "text", text: QUESTION }, { type: "image_url", image_url: { url: IMAGE_URL } }],
    id: "u1",
  }),
];
const last = [
  new ToolMessage({ content: SUNNY, tool_call_id: CALL_1, name: WEATHER, id: "t1" }),
  new ToolMessage({ content: FAILED, tool_call_id: CALL_2, name: TIDES, id: "t2", status: "error" }),
  new AIMessage({ content: ANSWER, id: "a2" }),
  new HumanMessage({ content: THANKS, id: "u2" }),
];
const called = {
  "": new AIMessage({
    content: LOOKING, tool_calls: toolCalls, id: "a1", response_metadata: { model: "m" },
    usage_metadata: { input_tokens: 50, output_tokens: 9, total_tokens: 59 },
  }),
  _anthropic_content: new AIMessage({
    content: [
      { type: "thinking", thinking: REASONING, signature: "c2ln" },
      { type: "text", text: LOOKING },
      { type: "tool_use", id: CALL_1, name: WEATHER, input: WEATHER_ARGS },
      { type: "tool_use", id: CALL_2, name: TIDES, input: TIDES_ARGS },
    ],
    tool_calls: toolCalls,
    id: "a1",
  }),
  _content_blocks: new AIMessage({
    contentBlocks: [{ type: "reasoning", reasoning: REASONING }, { type: "text", text: LOOKING }, ...toolCalls],
    id: "a1",
  }),
  _chunks: new AIMessageChunk({
    content: LOOKING,
    tool_call_chunks: toolCalls.map((call, index) => ({
      name: call.name, args: JSON.stringify(call.args), id: call.id, index, type: "tool_call_chunk",
    })),
    id: "a1",
  }),
};
// `toDict` and `toJSON` write the arguments of the constructor: blocks then stand in `content_blocks`, a spelling that the
// contract does not list. How they count is left open here; that they count is not.
const unclear = { _content_blocks: { open: true, unread: null } };
for (const [form, write] of [["to_dict", (m) => JSON.stringify(m.toDict())], ["to_json", (m) => JSON.stringify(m)]]) {
  for (const [kind, message] of Object.entries(called)) {
    const texts = kind === "" || kind === "_chunks" ? [LOOKING] : [REASONING, LOOKING];
    emit("@langchain/core", form + kind, [...shared, message, ...last].map(write), [
      system([SYSTEM]),
      user([QUESTION], { media: 1 }),
      assistant(texts, { calls: CALLS, ...(unclear[kind] ?? {}) }),
      tool([SUNNY], { results: [CALL_1], name: WEATHER }),
      tool([FAILED], { results: [CALL_2], name: TIDES }),
      assistant([ANSWER]),
      user([THANKS]),
    ]);
  }
}
