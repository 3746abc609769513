// Asks Groq's emulator through Groq's own client: chats, tiers of service, and a batch from the
// file of its requests to the files of its answers and of its errors.
import assert from "node:assert/strict";
import Groq from "groq-sdk";

const patience = { maxRetries: 0, timeout: 60_000 };
const baseURL = `${process.env.SANDBOX_URL}/groq`;
const client = new Groq({ baseURL, apiKey: "sandbox", ...patience });
const model = "openai/gpt-oss-20b";
const messages = [{ role: "user", content: "Hello" }];

async function sandbox(path, body) {
  const answer = await fetch(`${process.env.SANDBOX_URL}/_sandbox/${path}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${answer.status}`);
}

const whole = await client.chat.completions.create({ model, messages });
assert.ok(whole.choices[0].message.content.length > 0 && whole.service_tier === "on_demand");
const flexible = await client.chat.completions.create({ model, messages, service_tier: "flex" });
assert.equal(flexible.service_tier, "flex");
await assert.rejects(
  client.chat.completions.create({ model, messages, service_tier: "priority" }),
  (err) => err instanceof Groq.BadRequestError,
);
await sandbox("faults", { vendor: "groq", fault: "capacity", times: 1 });
await assert.rejects(
  client.chat.completions.create({ model, messages, service_tier: "flex" }),
  (err) => err instanceof Groq.APIError && err.status === 498 && err.error.error.code === "capacity_exceeded",
);

const line = (i) => JSON.stringify({
  custom_id: `line-${i}`, method: "POST", url: "/v1/chat/completions",
  body: { model, messages: [{ role: "user", content: `Hello ${i}` }], ...(i % 10 === 3 ? { n: 2 } : {}) },
});
const text = Array.from({ length: 40 }, (_, i) => line(i)).join("\n");
const file = await client.files.create({ file: new File([text], "requests.jsonl"), purpose: "batch" });
assert.ok(file.bytes === text.length && file.purpose === "batch");
assert.equal((await client.files.info(file.id)).id, file.id);
assert.ok((await client.files.list()).data.some((one) => one.id === file.id));
assert.equal(await (await client.files.content(file.id)).text(), text);

const order = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
const made = await client.batches.create({ ...order, metadata: { name: "first" } });
assert.ok(made.status === "validating" && made.object === "batch");
const stopped = await client.batches.create(order);
assert.equal((await client.batches.cancel(stopped.id)).status, "cancelling");
await assert.rejects(
  client.batches.create({ ...order, completion_window: "1h" }), (err) => err instanceof Groq.BadRequestError,
);
await assert.rejects(
  client.batches.create({ ...order, input_file_id: "file_none" }), (err) => err instanceof Groq.APIError,
);
await assert.rejects(client.batches.retrieve("batch_none"), (err) => err instanceof Groq.NotFoundError);
await sandbox("clock", { advance: "1h" });

const done = await client.batches.retrieve(made.id);
assert.deepEqual([done.status, done.request_counts], ["completed", { total: 40, completed: 36, failed: 4 }]);
assert.equal((await client.batches.retrieve(stopped.id)).status, "cancelled");
assert.deepEqual(new Set((await client.batches.list()).data.map((one) => one.id)), new Set([made.id, stopped.id]));
const lines = async (id) => (await (await client.files.content(id)).text()).trim().split("\n").map(JSON.parse);
const answers = await lines(done.output_file_id);
assert.equal(new Set(answers.map((answer) => answer.custom_id)).size, 36);
assert.ok(answers.every((answer) => answer.response.body.choices[0].message.content.length > 0));
const failures = await lines(done.error_file_id);
assert.ok(failures.length === 4 && failures.every((failure) => failure.response.status_code === 400));
assert.equal((await client.files.delete(file.id)).deleted, true);
await assert.rejects(client.files.info(file.id), (err) => err instanceof Groq.NotFoundError);
console.log("groq: accepted");
