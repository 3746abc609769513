// Asks Cloudflare's emulator through Cloudflare's own client, and through OpenAI's on the
// routes that speak its dialect, straight and behind a gateway.
import assert from "node:assert/strict";
import Cloudflare from "cloudflare";
import OpenAI from "openai";

const base = `${process.env.SANDBOX_URL}/cloudflare`;
const account_id = "0123456789abcdef0123456789abcdef";
const apiToken = "sandbox";
const patience = { maxRetries: 0, timeout: 60_000 };
const messages = [{ role: "user", content: "Hello" }];
const model = "@cf/meta/llama-3.2-1b-instruct";

const client = new Cloudflare({ baseURL: `${base}/client/v4`, apiToken, ...patience });

assert.equal((await client.user.tokens.verify()).status, "active");
const models = [];
for await (const one of client.ai.models.list({ account_id })) models.push(one.name);
assert.ok(models.includes(model) && models.includes("@cf/openai/gpt-oss-120b"));

const whole = await client.ai.run(model, { account_id, messages });
assert.ok(whole.response.length > 0 && whole.usage.total_tokens > 0);
const vectors = await client.ai.run("@cf/baai/bge-m3", { account_id, text: ["one", "two"] });
assert.equal(vectors.data.length, 2);
await assert.rejects(
  client.ai.run("@cf/none", { account_id, messages }),
  (err) => err instanceof Cloudflare.BadRequestError && err.errors[0].code === 5007,
);
await assert.rejects(
  new Cloudflare({ baseURL: `${base}/client/v4`, apiToken: "wrong", ...patience }).ai.run(model, { account_id, messages }),
  (err) => err instanceof Cloudflare.AuthenticationError && err.errors[0].code === 10000,
);
await assert.rejects(
  client.ai.run(model, { account_id: "ffffffffffffffffffffffffffffffff", messages }),
  (err) => err instanceof Cloudflare.PermissionDeniedError,
);

for (const baseURL of [`${base}/client/v4/accounts/${account_id}/ai/v1`, `${base}/v1/${account_id}/default/workers-ai/v1`]) {
  const openai = new OpenAI({ baseURL, apiKey: apiToken, ...patience });
  const said = await openai.chat.completions.create({ model, messages });
  assert.equal(said.choices[0].message.content, whole.response);
  let text = "";
  for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.equal(text, whole.response);
  const made = await openai.embeddings.create({ model: "@cf/baai/bge-m3", input: "one" });
  assert.ok(made.data[0].embedding.length > 0);
}

const queue = `/accounts/${account_id}/ai/run/@cf/openai/gpt-oss-120b?queueRequest=true`;
const queued = await client.post(queue, { body: { requests: [{ messages, external_reference: "a" }] } });
assert.equal(queued.result.status, "queued");
await fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, { method: "POST", body: JSON.stringify({ advance: "1h" }) });
const answered = await client.post(queue, { body: { request_id: queued.result.request_id } });
assert.equal(answered.result.responses[0].external_reference, "a");
assert.ok(answered.result.responses[0].result.response.length > 0);

const gemma = "@cf/google/gemma-3-12b-it";
const tune = await client.ai.finetunes.create({ account_id, model: gemma, name: "judged" });
assert.ok(tune.id && tune.name === "judged" && tune.model === gemma && tune.public === false);
const header = Buffer.from('{"__metadata__":{"format":"pt"}}');
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(header.length));
const files = {
  "adapter_config.json": JSON.stringify({ r: 8, lora_alpha: 16, model_type: "gemma" }),
  "adapter_model.safetensors": Buffer.concat([length, header]),
};
for (const [file_name, content] of Object.entries(files)) {
  const file = new File([content], file_name);
  assert.equal((await client.ai.finetunes.assets.create(tune.id, { account_id, file, file_name })).success, true);
}
await assert.rejects(
  client.ai.run(gemma, { account_id, messages, lora: "judged" }), (err) => err.errors[0].code === 3037, // it is not spread yet
);
await fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, { method: "POST", body: JSON.stringify({ advance: "3m" }) });
assert.ok((await client.ai.run(gemma, { account_id, messages, lora: "judged" })).response.length > 0);
assert.ok(JSON.stringify(await client.ai.finetunes.list({ account_id })).includes(tune.id));
console.log("accepted");
