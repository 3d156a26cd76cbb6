// What a builder prints: one JSON line for each form of its framework. The Python builders' forms.py in JavaScript.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// 300 bytes of data, as in forms.py.
const pixels = new Uint8Array(300);
pixels.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
for (let i = 0; i < 292; i++) pixels[i + 8] = (i * 97 + 13) % 256;
export const PIXELS = pixels;
export const IMAGE = Buffer.from(pixels).toString("base64");
export const IMAGE_URL = `data:image/png;base64,${IMAGE}`;

// The conversation that every builder writes in its framework's classes.
export const SYSTEM = "You answer in one short sentence. Use the tools.";
export const QUESTION = "What is the weather in Zürich today, and when is high tide in Lisbon? ☀️";
export const REASONING = "The user wants two facts, so I call both tools at once.";
export const LOOKING = "Let me look both up.";
export const WEATHER = "weather";
export const WEATHER_ARGS = { city: "Zürich", days: 1 };
export const TIDES = "tides";
export const TIDES_ARGS = { port: "Lisbon" };
export const SUNNY = "21 °C and sunny, with a light wind from the lake.";
export const FAILED = "Error: the tide service does not respond.";
export const ANSWER = "It is 21 degrees and sunny in Zürich; the tide service is down.";
export const THANKS = "Thanks. What should I wear?";
export const CALL_1 = "call_1";
export const CALL_2 = "call_2";
export const CALLS = [
  [CALL_1, WEATHER, JSON.stringify(WEATHER_ARGS)],
  [CALL_2, TIDES, JSON.stringify(TIDES_ARGS)],
];

// What the contract says of one message; see forms.py for the fields.
function message(kind, texts, { role, ...more } = {}) {
  const expected = { class: kind, role: role ?? kind, texts, calls: [], results: [], media: 0 };
  return Object.assign(expected, more);
}
export const system = (texts, more) => message("system", texts, more);
export const user = (texts, more) => message("user", texts, more);
export const assistant = (texts, more) => message("assistant", texts, more);
export const tool = (texts, more) => message("tool", texts, more);

// The version of an installed package, by the name it is installed under.
function version(name) {
  const path = fileURLToPath(new URL(`node_modules/${name}/package.json`, import.meta.url));
  return JSON.parse(readFileSync(path, "utf8")).version;
}

// Prints one form. `messages` are JSON texts. `installed` is the package's name under node_modules.
export function emit(framework, form, messages, expect, { installed = framework, ...more } = {}) {
  if (messages.length !== expect.length) {
    throw new Error(`${framework} ${form}: ${messages.length} messages, ${expect.length} expectations`);
  }
  console.log(JSON.stringify({ framework, version: version(installed), form, messages, expect, ...more }));
}
