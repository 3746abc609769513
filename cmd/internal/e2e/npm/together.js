// Asks Together's emulator through Together's own client: a chat, the models, and a batch from
// the file of its requests to the file of its answers.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const baseURL = `${process.env.SANDBOX_URL}/together/v1`;
// The client reads as it is loaded where to upload, and can upload in its older form alone.
process.env.TOGETHER_API_BASE_URL = baseURL;
const { default: Together } = createRequire(import.meta.url)("together-ai");
// Node wants of a body that is streamed a word which the client's upload leaves out.
const plain = globalThis.fetch;
globalThis.fetch = (target, options) => plain(target, { duplex: "half", ...options });
const client = new Together({ baseURL, apiKey: "sandbox", maxRetries: 0, timeout: 60_000 });
const model = "openai/gpt-oss-20b";

const whole = await client.chat.completions.create({ model, messages: [{ role: "user", content: "Hello" }] });
assert.ok(whole.choices[0].message.content.length > 0);
assert.ok((await client.models.list()).some((one) => one.id === model));

const lines = Array.from({ length: 40 }, (_, i) => JSON.stringify({
  custom_id: `line-${i}`, body: { model, max_tokens: 64, messages: [{ role: "user", content: `Hello ${i}` }] },
}));
const folder = await mkdtemp(join(tmpdir(), "together-"));
const path = join(folder, "requests.jsonl");
await writeFile(path, lines.join("\n"));
const file = await client.files.upload(path, "batch-api", false);
await rm(folder, { recursive: true });
assert.equal(file.purpose, "batch-api");
assert.ok((await client.files.list()).data.some((one) => one.id === file.id));
assert.equal(await (await client.files.content(file.id)).text(), lines.join("\n"));

const order = { input_file_id: file.id, endpoint: "/v1/chat/completions" };
const { job } = await client.batches.create(order);
assert.ok(job.status === "VALIDATING" && job.input_file_id === file.id);
const second = (await client.batches.create(order)).job;
await client.batches.cancel(second.id);
await assert.rejects(
  client.batches.create({ ...order, endpoint: "/v1/nothing" }), (err) => err instanceof Together.BadRequestError,
);
await assert.rejects(client.batches.retrieve("batch-none"), (err) => err instanceof Together.NotFoundError);
const clock = await fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ advance: "1h" }),
});
assert.ok(clock.ok, `${clock.status}`);

const done = await client.batches.retrieve(job.id);
assert.ok(done.status === "COMPLETED" && done.progress === 100 && done.completed_at);
assert.equal((await client.batches.retrieve(second.id)).status, "CANCELLED");
assert.equal((await client.batches.list()).length, 2);
const answers = (await (await client.files.content(done.output_file_id)).text()).trim().split("\n").map(JSON.parse);
assert.equal(new Set(answers.map((answer) => answer.custom_id)).size, 40);
assert.ok(answers.every((answer) => answer.response.body.choices[0].message.content.length > 0));
console.log("together: accepted");
