// Asks the emulator of Snowflake Cortex through OpenAI's client, as Snowflake's own
// quickstart does.
import assert from "node:assert/strict";
import OpenAI from "openai";

const baseURL = `${process.env.SANDBOX_URL}/snowflake/api/v2/cortex/v1`;
const connect = (apiKey, defaultHeaders) => new OpenAI({ baseURL, apiKey, maxRetries: 0, defaultHeaders });
const client = connect("sandbox");
const messages = [{ role: "user", content: "Thank you" }];

for (const model of ["llama3.1-8b", "claude-haiku-4-5", "openai-gpt-5-nano"]) {
  const whole = await client.chat.completions.create({ model, messages, max_completion_tokens: 50 });
  assert.equal(whole.choices[0].message.content, "You are welcome!", model);
  assert.equal(whole.choices[0].finish_reason, model.startsWith("claude") ? undefined : "stop");
  assert.equal(whole.usage.completion_tokens, 4, model);
  let text = "";
  let usage = null;
  const stream = await client.chat.completions.create({
    model, messages, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "You are welcome!", model);
  assert.equal(usage.total_tokens, whole.usage.total_tokens, model);
}
for (const [request, kind] of [
  [{ model: "llama4-scout", messages }, OpenAI.BadRequestError],
  [{ model: "llama3.1-8b", messages, max_tokens: 50 }, OpenAI.BadRequestError],
]) {
  await assert.rejects(client.chat.completions.create(request), (err) => err instanceof kind);
}
const refused = (err) => err instanceof OpenAI.AuthenticationError;
await assert.rejects(connect("wrong").chat.completions.create({ model: "llama3.1-8b", messages }), refused);
const reader = connect("sandbox", { "X-Snowflake-Role": "READER" });
await assert.rejects(
  reader.chat.completions.create({ model: "llama3.1-8b", messages }), (err) => err instanceof OpenAI.PermissionDeniedError,
);
console.log("snowflake: accepted");
