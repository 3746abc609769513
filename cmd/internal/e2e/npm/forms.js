// Asks Dream Lab in the other forms of a chat, through the official clients and the
// libraries that agents are built on, with nothing changed but the base URL.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const url = process.env.DREAMLAB_URL;
const apiKey = process.env.DREAMLAB_KEY;
const messages = [{ role: "user", content: "Hello" }];
const patience = { maxRetries: 0, timeout: 60_000 };

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, ...patience });
const older = await openai.completions.create({ model: "assistant", prompt: "Hello" });
assert.ok(older.choices[0].text.length > 0 && older.usage.total_tokens > 0);
let text = "";
for await (const part of await openai.completions.create({ model: "assistant", prompt: "Hello", stream: true })) {
  text += part.choices[0]?.text ?? "";
}
assert.equal(text, older.choices[0].text);
console.log("openai: completions");

const response = await openai.responses.create({ model: "assistant", input: "Hello", instructions: "Be brief." });
assert.equal(response.status, "completed");
assert.ok(response.output_text.length > 0 && response.usage.total_tokens > 0);
const stream = openai.responses.stream({ model: "assistant", input: messages, instructions: "Be brief." });
let shown = "";
stream.on("response.output_text.delta", (event) => { shown += event.delta; });
const final = await stream.finalResponse();
assert.equal(shown, final.output_text);
assert.equal(shown, response.output_text);
await assert.rejects(
  openai.responses.create({ model: "assistant", input: "Hello", previous_response_id: "resp_1" }),
  (err) => err instanceof OpenAI.BadRequestError && err.param === "previous_response_id",
);
console.log("openai: responses");

const anthropic = new Anthropic({ baseURL: url, apiKey, ...patience });
const message = await anthropic.messages.create({ model: "assistant", max_tokens: 200, messages });
assert.equal(message.type, "message");
assert.equal(message.stop_reason, "end_turn");
assert.ok(message.content.at(-1).text.length > 0 && message.usage.output_tokens > 0);
const told = await anthropic.messages.stream({ model: "assistant", max_tokens: 200, messages }).finalMessage();
assert.deepEqual(told.content, message.content);
assert.equal(told.stop_reason, "end_turn");
assert.equal(told.usage.output_tokens, message.usage.output_tokens);
await assert.rejects(
  new Anthropic({ baseURL: url, apiKey: "dl-wrong", ...patience }).messages.create({ model: "assistant", max_tokens: 9, messages }),
  (err) => err instanceof Anthropic.AuthenticationError && err.error.error.type === "authentication_error",
);
await assert.rejects(
  anthropic.messages.create({ model: "nobody/nothing", max_tokens: 9, messages }),
  (err) => err instanceof Anthropic.NotFoundError,
);
console.log("anthropic: messages and stream");

const vercel = createOpenAI({ baseURL: `${url}/v1`, apiKey });
for (const model of [vercel("assistant"), vercel.chat("assistant")]) {
  const whole = await generateText({ model, prompt: "Hello", maxRetries: 0 });
  assert.ok(whole.text.length > 0);
  let streamed = "";
  for await (const part of streamText({ model, prompt: "Hello", maxRetries: 0 }).textStream) streamed += part;
  assert.equal(streamed, whole.text);
}
console.log("ai: responses and chat");

for (const useResponsesApi of [false, true]) {
  const chain = new ChatOpenAI({
    model: "assistant", apiKey, useResponsesApi, maxRetries: 0, configuration: { baseURL: `${url}/v1` },
  });
  assert.ok((await chain.invoke("Hello")).text.length > 0);
  let parts = "";
  for await (const part of await chain.stream("Hello")) parts += part.text;
  assert.ok(parts.length > 0);
}
console.log("langchain: chat and responses");
