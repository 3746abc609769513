// Asks Dream Lab through the official clients, each with its base URL changed
// and nothing else, and fails where an answer is not what the client promises.
import assert from "node:assert/strict";
import Groq from "groq-sdk";
import OpenAI from "openai";
import Together from "together-ai";

const url = process.env.DREAMLAB_URL;
const apiKey = process.env.DREAMLAB_KEY;
const messages = [{ role: "user", content: "Hello" }];
const patience = { maxRetries: 0, timeout: 60_000 };

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, ...patience });
const together = new Together({ baseURL: `${url}/v1`, apiKey, ...patience });
// Groq's client adds /openai/v1 itself, which Dream Lab does not serve: it is
// shown the paths of the API by a fetch of its own.
const groq = new Groq({
  baseURL: url, apiKey, ...patience,
  fetch: (target, options) => fetch(String(target).replace("/openai/v1/", "/v1/"), options),
});

async function gather(stream) {
  let text = "";
  let finish = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  return { text, finish };
}

for (const [name, client] of Object.entries({ openai, together, groq })) {
  const whole = await client.chat.completions.create({ model: "assistant", messages });
  assert.equal(whole.object, "chat.completion", name);
  assert.ok(whole.choices[0].message.content.length > 0, name);
  assert.equal(whole.choices[0].finish_reason, "stop", name);
  assert.ok(whole.usage.total_tokens > 0, name);
  const streamed = await gather(await client.chat.completions.create({ model: "assistant", messages, stream: true }));
  assert.deepEqual(streamed, { text: whole.choices[0].message.content, finish: "stop" }, name);
  console.log(`${name}: chat and stream`);
}

const counted = await openai.chat.completions.create({
  model: "assistant", messages, stream: true, stream_options: { include_usage: true },
});
let usage = null;
for await (const chunk of counted) usage = chunk.usage ?? usage;
assert.ok(usage.total_tokens > 0);

const models = [];
for await (const model of await openai.models.list()) models.push(model.id);
assert.ok(models.includes("assistant"));
assert.equal((await openai.models.retrieve("assistant")).object, "model");

await assert.rejects(
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "dl-wrong", ...patience }).models.list(),
  (err) => err instanceof OpenAI.AuthenticationError && err.code === "invalid_api_key",
);
await assert.rejects(
  openai.chat.completions.create({ model: "nobody/nothing", messages }),
  (err) => err instanceof OpenAI.NotFoundError && err.code === "model_not_found",
);
await assert.rejects(
  openai.chat.completions.create({ model: "assistant", messages: [] }),
  (err) => err instanceof OpenAI.BadRequestError && err.code === "invalid_request",
);

const rows = Array.from({ length: 12 }, (_, i) => JSON.stringify({
  messages: [{ role: "user", content: `Question ${i}` }, { role: "assistant", content: `Answer ${i}` }],
}));
const file = await openai.files.create({
  purpose: "fine-tune", file: new File([rows.join("\n") + "\n"], "rows.jsonl", { type: "application/jsonl" }),
});
assert.equal(file.object, "file");
assert.equal(await (await openai.files.content(file.id)).text(), rows.join("\n") + "\n");
const listed = [];
for await (const one of await openai.files.list()) listed.push(one.id);
assert.ok(listed.includes(file.id));

// A fine-tune that has not begun is held; one that has is refused by name here, and goes on.
const tuning = await openai.fineTuning.jobs.create({ model: "together/openai/gpt-oss-20b", training_file: file.id });
const held = await openai.fineTuning.jobs.pause(tuning.id).catch((err) => err);
if (held instanceof Error) {
  assert.ok(held instanceof OpenAI.ConflictError && /together does not pause/.test(held.message), held.message);
} else {
  assert.equal(held.status, "paused");
  const { data: events } = await openai.fineTuning.jobs.listEvents(tuning.id);
  assert.ok(events.some((event) => /paused before/.test(event.message)));
  assert.notEqual((await openai.fineTuning.jobs.resume(tuning.id)).status, "paused");
}
assert.equal((await openai.fineTuning.jobs.cancel(tuning.id)).status, "cancelled");
await assert.rejects(openai.fineTuning.jobs.resume(tuning.id), (err) => err instanceof OpenAI.ConflictError);
console.log("openai: models, errors, files");
