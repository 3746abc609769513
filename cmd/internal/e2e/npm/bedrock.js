// Asks Bedrock's emulator through AWS's own clients: chats and streams with a signature
// and with an API key, tools, embeddings, errors, and the lists of models.
import assert from "node:assert/strict";
import {
  BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand, ThrottlingException,
  ValidationException,
} from "@aws-sdk/client-bedrock-runtime";
import {
  BedrockClient, CreateModelImportJobCommand, CreateModelInvocationJobCommand, DeleteImportedModelCommand, GetImportedModelCommand,
  GetModelImportJobCommand, GetModelInvocationJobCommand, ListFoundationModelsCommand, ListInferenceProfilesCommand,
  ListModelImportJobsCommand, ListModelInvocationJobsCommand, StopModelInvocationJobCommand,
} from "@aws-sdk/client-bedrock";
import { s3 } from "./s3.mjs";

const endpoint = `${process.env.SANDBOX_URL}/bedrock`;
const settings = { endpoint, region: "us-east-1", maxAttempts: 1 };
const credentials = { accessKeyId: "AKIASANDBOX", secretAccessKey: "sandbox" };
const object = s3(`${endpoint}/s3/sandbox/`, credentials);
const signed = new BedrockRuntimeClient({ ...settings, credentials });
const bearing = new BedrockRuntimeClient({
  ...settings, token: { token: "sandbox" }, authSchemePreference: ["httpBearerAuth"],
});
const modelId = "us.meta.llama4-scout-17b-instruct-v1:0";
const messages = [{ role: "user", content: [{ text: "Hello" }] }];

async function gather(stream) {
  const got = { text: "", input: "", stop: null, usage: null };
  for await (const event of stream) {
    got.text += event.contentBlockDelta?.delta?.text ?? "";
    got.input += event.contentBlockDelta?.delta?.toolUse?.input ?? "";
    got.stop = event.messageStop?.stopReason ?? got.stop;
    got.usage = event.metadata?.usage ?? got.usage;
  }
  return got;
}

for (const client of [signed, bearing]) {
  const whole = await client.send(new ConverseCommand({ modelId, messages, system: [{ text: "Be kind." }] }));
  assert.equal(whole.stopReason, "end_turn");
  assert.ok(whole.output.message.content[0].text.length > 0);
  assert.equal(whole.usage.totalTokens, whole.usage.inputTokens + whole.usage.outputTokens);

  const { stream } = await client.send(new ConverseStreamCommand({ modelId, messages, system: [{ text: "Be kind." }] }));
  const got = await gather(stream);
  assert.equal(got.text, whole.output.message.content[0].text);
  assert.equal(got.stop, "end_turn");
  assert.equal(got.usage.totalTokens, whole.usage.totalTokens);
}

const toolConfig = {
  tools: [{ toolSpec: { name: "weather", inputSchema: { json: {
    type: "object", properties: { city: { type: "string" } }, required: ["city"],
  } } } }],
  toolChoice: { any: {} },
};
const called = await signed.send(new ConverseCommand({ modelId, messages, toolConfig }));
assert.equal(called.stopReason, "tool_use");
const { toolUse } = called.output.message.content[0];
const streamed = await gather((await signed.send(new ConverseStreamCommand({ modelId, messages, toolConfig }))).stream);
assert.deepEqual(JSON.parse(streamed.input), toolUse.input);
const after = await signed.send(new ConverseCommand({
  modelId, toolConfig: { tools: toolConfig.tools }, messages: [
    ...messages, called.output.message,
    { role: "user", content: [{ toolResult: { toolUseId: toolUse.toolUseId, content: [{ text: "sunny" }] } }] },
  ],
}));
assert.ok(after.output.message.content[0].text.length > 0);

const schema = JSON.stringify({ type: "object", properties: { a: { type: "string" } }, required: ["a"] });
const formed = await signed.send(new ConverseCommand({
  modelId: "openai.gpt-oss-20b-1:0", messages, serviceTier: { type: "flex" },
  outputConfig: { textFormat: { type: "json_schema", structure: { jsonSchema: { name: "v", schema } } } },
}));
assert.equal(typeof JSON.parse(formed.output.message.content[0].text).a, "string");
assert.equal(formed.serviceTier.type, "flex");

const vector = await signed.send(new InvokeModelCommand({
  modelId: "amazon.titan-embed-text-v2:0", contentType: "application/json", body: JSON.stringify({ inputText: "tea" }),
}));
assert.ok(JSON.parse(new TextDecoder().decode(vector.body)).embedding.length > 0);

await assert.rejects(
  signed.send(new ConverseCommand({ modelId: "meta.llama4-scout-17b-instruct-v1:0", messages })),
  (err) => err instanceof ValidationException && /inference profile/.test(err.message),
);
for (const wrong of [
  { credentials: { ...credentials, secretAccessKey: "wrong" } }, { credentials, region: "eu-central-1" },
]) {
  await assert.rejects(
    new BedrockRuntimeClient({ ...settings, ...wrong }).send(new ConverseCommand({ modelId, messages })),
    (err) => err.name === "InvalidSignatureException" && err.$metadata.httpStatusCode === 403,
  );
}

async function fault(body) {
  const answer = await fetch(`${process.env.SANDBOX_URL}/_sandbox/faults`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ vendor: "bedrock", times: 1, model: modelId, ...body }),
  });
  assert.ok(answer.ok, `${answer.status}`);
}
await fault({ fault: "rate_limit" });
await assert.rejects(signed.send(new ConverseCommand({ modelId, messages })), (err) => err instanceof ThrottlingException);
await fault({ fault: "stream_error", chunks: 2 });
await assert.rejects(
  async () => gather((await signed.send(new ConverseStreamCommand({ modelId, messages }))).stream),
  (err) => err.name === "ModelStreamErrorException",
);

const control = new BedrockClient({ ...settings, credentials });
const listed = await control.send(new ListFoundationModelsCommand({ byProvider: "Meta" }));
assert.ok(listed.modelSummaries.every((model) => model.providerName === "Meta"));
const profiles = await control.send(new ListInferenceProfilesCommand({ maxResults: 10 }));
assert.ok(profiles.inferenceProfileSummaries.some((profile) => profile.inferenceProfileId === modelId));

function order(jobName, more = {}) {
  return new CreateModelInvocationJobCommand({
    jobName, modelId, roleArn: "arn:aws:iam::123456789012:role/batch", clientRequestToken: jobName,
    modelInvocationType: "Converse", timeoutDurationInHours: 24,
    inputDataConfig: { s3InputDataConfig: { s3Uri: "s3://sandbox/in/requests.jsonl", s3InputFormat: "JSONL" } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://sandbox/out/" } }, ...more,
  });
}

await assert.rejects(control.send(order("too-early")), (err) => err.name === "ValidationException");
const records = Array.from({ length: 100 }, (_, i) => JSON.stringify({
  recordId: `record${i}`, modelInput: { messages: [{ role: "user", content: [{ text: `Hello ${i}` }] }] },
}));
assert.equal((await object("PUT", "in/requests.jsonl", records.join("\n"))).status, 200);
const { jobArn } = await control.send(order("first"));
assert.equal((await control.send(order("first"))).jobArn, jobArn);
const begun = await control.send(new GetModelInvocationJobCommand({ jobIdentifier: jobArn }));
assert.ok(begun.submitTime instanceof Date && begun.status === "Validating" && begun.totalRecordCount === 100);
await assert.rejects(
  control.send(new GetModelInvocationJobCommand({ jobIdentifier: jobArn.split("/").pop() })),
  (err) => err.name === "ValidationException",
);
const second = await control.send(order("second"));
await control.send(new StopModelInvocationJobCommand({ jobIdentifier: second.jobArn }));
const clock = await fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ advance: "10m" }),
});
assert.ok(clock.ok, `${clock.status}`);
const jobs = await control.send(new ListModelInvocationJobsCommand({ sortBy: "CreationTime" }));
assert.deepEqual(jobs.invocationJobSummaries.map((job) => job.status), ["Completed", "Stopped"]);
await assert.rejects(
  control.send(new StopModelInvocationJobCommand({ jobIdentifier: jobArn })), (err) => err.name === "ConflictException",
);
const id = jobArn.split("/").pop();
const answers = (await (await object("GET", `out/${id}/requests.jsonl.out`)).text()).trim().split("\n").map(JSON.parse);
assert.equal(new Set(answers.map((answer) => answer.recordId)).size, 100);
assert.ok(answers.every((answer) => answer.modelInput && answer.modelOutput.output.message.content[0].text));
assert.equal((await (await object("GET", `out/${id}/manifest.json.out`)).json()).successRecordCount, 100);
assert.match(await (await object("GET", "out/none")).text(), /<Code>NoSuchKey</);

const weights = { s3DataSource: { s3Uri: "s3://sandbox/weights/" } };
function importing(jobName, more = {}) {
  return new CreateModelImportJobCommand({
    jobName, importedModelName: "judged", roleArn: "arn:aws:iam::123456789012:role/import", clientRequestToken: jobName,
    modelDataSource: weights, ...more,
  });
}
const advance = (by) => fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, { method: "POST", body: JSON.stringify({ advance: by }) });
const empty = await control.send(importing("empty", { importedModelName: "empty" }));
const header = '{"__metadata__":{"format":"pt"}}';
const file = String.fromCharCode(header.length, 0, 0, 0, 0, 0, 0, 0) + header;
assert.equal((await object("PUT", "weights/config.json", '{"architectures":["LlamaForCausalLM"]}')).status, 200);
assert.equal((await object("PUT", "weights/model.safetensors", file)).status, 200);
const imported = await control.send(importing("import"));
assert.equal((await control.send(importing("import"))).jobArn, imported.jobArn);
await assert.rejects(
  control.send(importing("import", { clientRequestToken: "other" })), (err) => err.name === "ConflictException",
);
const early = await control.send(new GetModelImportJobCommand({ jobIdentifier: imported.jobArn }));
assert.ok(early.status === "InProgress" && early.creationTime instanceof Date);
await advance("11m");
const ended = await control.send(new GetModelImportJobCommand({ jobIdentifier: imported.jobArn }));
assert.equal(ended.status, "Completed");
const failed = await control.send(new GetModelImportJobCommand({ jobIdentifier: empty.jobArn }));
assert.ok(failed.status === "Failed" && failed.failureMessage.includes("config.json"));
const found = await control.send(new GetImportedModelCommand({ modelIdentifier: "judged" }));
assert.ok(found.modelArn === ended.importedModelArn && found.customModelUnits.customModelUnitsPerModelCopy === 2);
const cold = new ConverseCommand({ modelId: found.modelArn, messages });
await assert.rejects(signed.send(cold), (err) => err.name === "ModelNotReadyException");
await advance("1m");
assert.ok((await signed.send(cold)).output.message.content[0].text.length > 0);
await control.send(new DeleteImportedModelCommand({ modelIdentifier: found.modelArn }));
await assert.rejects(
  control.send(new GetImportedModelCommand({ modelIdentifier: "judged" })), (err) => err.name === "ResourceNotFoundException",
);
const jobsOf = await control.send(new ListModelImportJobsCommand({ nameContains: "import" }));
assert.deepEqual(jobsOf.modelImportJobSummaries.map((job) => job.jobName), ["import"]);
console.log("bedrock: accepted");
