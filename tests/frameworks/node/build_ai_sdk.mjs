// AI SDK: UIMessage as a chat route stores it, ModelMessage as the SDK converts it and as an application writes it.
import * as v5 from "ai-v5";
import * as v7 from "ai";
import {
  ANSWER, CALL_1, CALL_2, CALLS, FAILED, IMAGE, IMAGE_URL, LOOKING, QUESTION, REASONING, SUNNY, SYSTEM, THANKS, TIDES,
  TIDES_ARGS, WEATHER, WEATHER_ARGS, assistant, emit, system, tool, user,
} from "./forms.mjs";

const GOOD = { degrees: 21, sky: SUNNY };
const ui = [
  { id: "s1", role: "system", parts: [{ type: "text", text: SYSTEM }] },
  {
    id: "u1",
    role: "user",
    parts: [
      { type: "text", text: QUESTION },
      { type: "file", mediaType: "image/png", filename: "sky.png", url: IMAGE_URL },
    ],
  },
  {
    id: "a1",
    role: "assistant",
    metadata: { model: "m" },
    parts: [
      { type: "step-start" },
      { type: "reasoning", text: REASONING, state: "done", providerMetadata: { p: { signature: "c2ln" } } },
      { type: "text", text: LOOKING, state: "done" },
      {
        type: `tool-${WEATHER}`, toolCallId: CALL_1, state: "output-available", input: WEATHER_ARGS, output: GOOD,
      },
      {
        type: "dynamic-tool", toolName: TIDES, toolCallId: CALL_2, state: "output-error", input: TIDES_ARGS,
        errorText: FAILED,
      },
      { type: "step-start" },
      { type: "source-url", sourceId: "src1", url: "https://example.org", title: "Lake" },
      { type: "text", text: ANSWER, state: "done" },
    ],
  },
  { id: "u2", role: "user", parts: [{ type: "text", text: THANKS }] },
];
const uiExpect = [
  system([SYSTEM]),
  user([QUESTION], { media: 1 }),
  assistant([REASONING, LOOKING, JSON.stringify(GOOD), FAILED, ANSWER], { calls: CALLS, results: [CALL_1, CALL_2] }),
  user([THANKS]),
];
const modelExpect = [
  system([SYSTEM]),
  user([QUESTION], { media: 1 }),
  assistant([REASONING, LOOKING], { calls: CALLS }),
  tool([JSON.stringify(GOOD), FAILED], { results: [CALL_1, CALL_2] }),
  assistant([ANSWER]),
  user([THANKS]),
];
const written = [
  { role: "system", content: SYSTEM },
  {
    role: "user",
    content: [
      { type: "text", text: QUESTION },
      { type: "image", image: IMAGE, mediaType: "image/png" },
      { type: "file", data: IMAGE, mediaType: "application/pdf", filename: "tides.pdf" },
    ],
  },
  {
    role: "assistant",
    content: [
      { type: "reasoning", text: REASONING },
      { type: "text", text: LOOKING },
      { type: "tool-call", toolCallId: CALL_1, toolName: WEATHER, input: WEATHER_ARGS },
      { type: "tool-call", toolCallId: CALL_2, toolName: TIDES, input: TIDES_ARGS },
    ],
  },
  {
    role: "tool",
    content: [
      {
        type: "tool-result", toolCallId: CALL_1, toolName: WEATHER,
        output: {
          type: "content",
          value: [{ type: "text", text: SUNNY }, { type: "media", data: IMAGE, mediaType: "image/png" }],
        },
      },
    ],
  },
  {
    role: "tool",
    content: [
      { type: "tool-result", toolCallId: CALL_2, toolName: TIDES, output: { type: "error-text", value: FAILED } },
    ],
  },
  { role: "assistant", content: ANSWER },
  { role: "user", content: [{ type: "text", text: THANKS }] },
];
const writtenExpect = [
  system([SYSTEM]),
  user([QUESTION], { media: 2 }),
  assistant([REASONING, LOOKING], { calls: CALLS }),
  tool([SUNNY], { results: [CALL_1], media: 1 }),
  tool([FAILED], { results: [CALL_2] }),
  assistant([ANSWER]),
  user([THANKS]),
];

// The user approves one call and denies the other: the requests follow the calls, the responses precede the results.
const approved = [
  { role: "user", content: QUESTION },
  {
    role: "assistant",
    content: [
      { type: "tool-call", toolCallId: CALL_1, toolName: WEATHER, input: WEATHER_ARGS },
      { type: "tool-call", toolCallId: CALL_2, toolName: TIDES, input: TIDES_ARGS },
      { type: "tool-approval-request", approvalId: "ap1", toolCallId: CALL_1 },
      { type: "tool-approval-request", approvalId: "ap2", toolCallId: CALL_2 },
    ],
  },
  {
    role: "tool",
    content: [
      { type: "tool-approval-response", approvalId: "ap1", approved: true },
      { type: "tool-approval-response", approvalId: "ap2", approved: false, reason: "Too expensive." },
    ],
  },
  {
    role: "tool",
    content: [
      { type: "tool-result", toolCallId: CALL_1, toolName: WEATHER, output: { type: "json", value: GOOD } },
      {
        type: "tool-result", toolCallId: CALL_2, toolName: TIDES,
        output: { type: "execution-denied", reason: "Too expensive." },
      },
    ],
  },
  { role: "assistant", content: [{ type: "text", text: ANSWER }] },
  { role: "user", content: THANKS },
];
const denied = JSON.stringify({ type: "execution-denied", reason: "Too expensive." });
const approvedExpect = [
  user([QUESTION]),
  assistant([], { calls: CALLS }),
  tool(["Too expensive."]),
  tool([JSON.stringify(GOOD), denied], { results: [CALL_1, CALL_2] }),
  assistant([ANSWER]),
  user([THANKS]),
];

// A part with data of the application: an unknown kind, so it counts as JSON text.
const data = { type: "data-tide", id: "d1", data: { port: "Lisbon", metres: 3 } };
const rare = [
  { id: "u1", role: "user", parts: [{ type: "text", text: QUESTION }] },
  {
    id: "a1",
    role: "assistant",
    parts: [
      { type: "step-start" },
      {
        type: `tool-${WEATHER}`, toolCallId: CALL_1, state: "output-available", input: WEATHER_ARGS, output: SUNNY,
        approval: { id: "ap1", approved: true },
      },
      {
        type: `tool-${TIDES}`, toolCallId: CALL_2, state: "output-error", input: TIDES_ARGS, errorText: FAILED,
      },
      { type: "source-document", sourceId: "src1", mediaType: "application/pdf", title: "Tides", filename: "a.pdf" },
      data,
      { type: "file", mediaType: "image/png", url: IMAGE_URL },
      { type: "text", text: ANSWER },
    ],
  },
  { id: "u2", role: "user", parts: [{ type: "text", text: THANKS }] },
];
const rareExpect = [
  user([QUESTION]),
  assistant([SUNNY, FAILED, JSON.stringify(data), ANSWER], {
    calls: CALLS, results: [CALL_1, CALL_2], media: 1, unread: 1,
  }),
  user([THANKS]),
];

const text = (messages) => messages.map((message) => JSON.stringify(message));
for (const [sdk, installed, name] of [[v5, "ai-v5", "v5"], [v7, "ai", "v7"]]) {
  const more = { installed };
  const stored = await sdk.validateUIMessages({ messages: ui });
  emit("ai", `${name}_ui_message`, text(stored), uiExpect, more);
  emit("ai", `${name}_model_message_converted`, text(await sdk.convertToModelMessages(stored)), modelExpect, more);
  if (sdk === v5) {
    for (const message of written) sdk.modelMessageSchema.parse(message);
    emit("ai", `${name}_model_message`, text(written), writtenExpect, more);
  } else {
    emit("ai", `${name}_ui_message_rare_parts`, text(await sdk.validateUIMessages({ messages: rare })), rareExpect, more);
    for (const message of approved) sdk.modelMessageSchema.parse(message);
    emit("ai", `${name}_model_message_approvals`, text(approved), approvedExpect, { ...more, groups: [[1, 2, 3]] });
  }
}
