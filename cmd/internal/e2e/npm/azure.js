// Asks Azure's emulator through Microsoft's own client, on the routes that have a path
// for each deployment, and through OpenAI's on the routes of v1.
import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI } from "openai";

const endpoint = `${process.env.SANDBOX_URL}/azure`;
const apiKey = "sandbox";
const patience = { maxRetries: 0, timeout: 60_000 };
const messages = [{ role: "user", content: "Hello" }];

const azure = new AzureOpenAI({ endpoint, apiKey, apiVersion: "2024-10-21", ...patience });
const v1 = new OpenAI({ baseURL: `${endpoint}/openai/v1`, apiKey, ...patience });

for (const client of [azure, v1]) {
  const whole = await client.chat.completions.create({ model: "gpt-5-nano", messages, max_completion_tokens: 50 });
  assert.equal(whole.choices[0].finish_reason, "stop");
  assert.equal(whole.choices[0].content_filter_results.hate.severity, "safe");
  assert.ok(whole.prompt_filter_results.length > 0 && whole.usage.total_tokens > 0);

  let text = "";
  let usage = null;
  const stream = await client.chat.completions.create({
    model: "gpt-5-nano", messages, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.total_tokens, whole.usage.total_tokens);

  const made = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
  assert.equal(made.data.length, 2);
  assert.ok(made.data[0].embedding.length > 0 && typeof made.data[0].embedding[0] === "number");

  const models = [];
  for await (const model of await client.models.list()) models.push(model.id);
  assert.ok(models.includes("gpt-oss-120b"));

  await assert.rejects(
    client.chat.completions.create({ model: "none", messages }),
    (err) => err instanceof OpenAI.NotFoundError && err.code === "DeploymentNotFound",
  );
  await assert.rejects(
    client.chat.completions.create({ model: "gpt-5-nano", messages, max_tokens: 50 }),
    (err) => err instanceof OpenAI.BadRequestError && err.param === "max_tokens",
  );
}

await assert.rejects(
  new AzureOpenAI({ endpoint, apiKey: "wrong", apiVersion: "2024-10-21", ...patience }).models.list(),
  (err) => err instanceof OpenAI.AuthenticationError && err.code === "401",
);
const entra = new AzureOpenAI({
  endpoint, apiVersion: "2024-10-21", ...patience,
  azureADTokenProvider: async () => {
    const answer = await fetch(`${endpoint}/11111111-2222-4333-8444-555555555555/oauth2/v2.0/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials", client_id: "66666666-7777-4888-9999-000000000000", client_secret: apiKey,
        scope: "https://cognitiveservices.azure.com/.default",
      }),
    });
    return (await answer.json()).access_token;
  },
});
const signed = await entra.chat.completions.create({ model: "first", messages });
assert.ok(signed.choices[0].message.content.length > 0);

const rows = ["a", "b"].map((custom_id) => JSON.stringify({
  custom_id, method: "POST", url: "/v1/chat/completions", body: { model: "gpt-5-nano-batch", messages },
}));
for (const client of [azure, v1]) {
  const file = await client.files.create({ purpose: "batch", file: new File([rows.join("\n")], "rows.jsonl") });
  const made = await client.batches.create({
    input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h",
  });
  assert.equal(made.status, "Validating");
  await fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, { method: "POST", body: JSON.stringify({ advance: "24h" }) });
  const over = await client.batches.retrieve(made.id);
  assert.equal(over.status, "completed");
  const text = await (await client.files.content(over.output_file_id)).text();
  assert.deepEqual(text.trim().split("\n").map((line) => JSON.parse(line).custom_id).sort(), ["a", "b"]);
}
console.log("accepted");
