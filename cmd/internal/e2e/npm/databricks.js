// Asks the emulator of Databricks through OpenAI's client, as Databricks' own pages do.
import assert from "node:assert/strict";
import OpenAI from "openai";

const baseURL = `${process.env.SANDBOX_URL}/databricks/serving-endpoints`;
const connect = (apiKey) => new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const client = connect("sandbox");
const messages = [{ role: "user", content: "Thank you" }];

for (const model of ["databricks-meta-llama-3-1-8b-instruct", "databricks-gpt-oss-120b"]) {
  const whole = await client.chat.completions.create({ model, messages, max_tokens: 50 });
  assert.equal(whole.choices[0].message.content, "You are welcome!", model);
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
const vectors = await client.embeddings.create({ model: "databricks-gte-large-en", input: ["a", "b"] });
assert.equal(vectors.data.length, 2);
await assert.rejects(
  client.chat.completions.create({ model: "databricks-none", messages }), (err) => err instanceof OpenAI.NotFoundError,
);
await assert.rejects(
  client.chat.completions.create({ model: "databricks-gte-large-en", messages }), (err) => err instanceof OpenAI.BadRequestError,
);
await assert.rejects(
  connect("wrong").chat.completions.create({ model: "databricks-gpt-oss-120b", messages }),
  (err) => err instanceof OpenAI.PermissionDeniedError,
);
console.log("databricks: accepted");
