// Asks SageMaker's emulator through AWS's own clients: a training job of a model of the hub from
// its rows to its end, an endpoint that serves it, whole answers and streams, and errors by name.
import assert from "node:assert/strict";
import {
  CreateEndpointCommand, CreateEndpointConfigCommand, CreateModelCommand, CreateTrainingJobCommand, DeleteEndpointCommand,
  DeleteEndpointConfigCommand, DeleteModelCommand, DescribeEndpointCommand, DescribeHubContentCommand,
  DescribeTrainingJobCommand, ListEndpointsCommand, ListTrainingJobsCommand, ResourceInUse, ResourceLimitExceeded,
  ResourceNotFound, SageMakerClient, StopTrainingJobCommand,
} from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointCommand, InvokeEndpointWithResponseStreamCommand, ModelError, SageMakerRuntimeClient,
} from "@aws-sdk/client-sagemaker-runtime";
import { s3 } from "./s3.mjs";

const endpoint = `${process.env.SANDBOX_URL}/sagemaker`;
const credentials = { accessKeyId: "sandbox", secretAccessKey: "sandbox" };
const settings = { endpoint, region: "us-east-1", maxAttempts: 1, credentials };
const control = new SageMakerClient(settings);
const runtime = new SageMakerRuntimeClient(settings);
const object = s3(`${endpoint}/s3/sandbox/`, credentials);
const role = "arn:aws:iam::123456789012:role/sandbox";
const base = "meta-textgeneration-llama-3-1-8b-instruct";

async function advance(by) {
  const answer = await fetch(`${process.env.SANDBOX_URL}/_sandbox/clock`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ advance: by }),
  });
  assert.ok(answer.ok, `${answer.status}`);
}

async function fault(body) {
  const answer = await fetch(`${process.env.SANDBOX_URL}/_sandbox/faults`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ vendor: "sagemaker", times: 1, ...body }),
  });
  assert.ok(answer.ok, `${answer.status}`);
}

const content = await control.send(new DescribeHubContentCommand({
  HubName: "SageMakerPublicHub", HubContentType: "Model", HubContentName: base,
}));
const hub = JSON.parse(content.HubContentDocument);
assert.ok(content.CreationTime instanceof Date && hub.GatedBucket && hub.Hyperparameters.length > 5);
await assert.rejects(
  control.send(new DescribeHubContentCommand({
    HubName: "SageMakerPublicHub", HubContentType: "Model", HubContentName: "none",
  })), (err) => err instanceof ResourceNotFound,
);

const rows = Array.from({ length: 20 }, (_, i) => JSON.stringify({ dialog: [
  { role: "user", content: `Where does heron ${i} nest?` }, { role: "assistant", content: `Heron ${i} nests at gate seventeen.` },
] }));
assert.equal((await object("PUT", "rows/train.jsonl", rows.join("\n"))).status, 200);

const folder = (S3Uri, more = {}) => ({ S3DataSource: { S3DataType: "S3Prefix", S3Uri, ...more } });
function order(TrainingJobName, more = {}) {
  return new CreateTrainingJobCommand({
    TrainingJobName, RoleArn: role, AlgorithmSpecification: { TrainingImage: hub.TrainingEcrUri, TrainingInputMode: "File" },
    HyperParameters: { epoch: "2", learning_rate: "0.0001", lora_r: "8", chat_dataset: "True" },
    InputDataConfig: [
      { ChannelName: "training", DataSource: folder("s3://sandbox/rows/") },
      { ChannelName: "model", DataSource: folder(hub.TrainingArtifactUri, { ModelAccessConfig: { AcceptEula: true } }) },
    ],
    OutputDataConfig: { S3OutputPath: "s3://sandbox/models", CompressionType: "NONE" },
    ResourceConfig: { InstanceType: "ml.g5.12xlarge", InstanceCount: 1, VolumeSizeInGB: 256 },
    EnableManagedSpotTraining: true, CheckpointConfig: { S3Uri: "s3://sandbox/checkpoints" },
    StoppingCondition: { MaxRuntimeInSeconds: 36000, MaxWaitTimeInSeconds: 72000 }, ...more,
  });
}
const describe = (TrainingJobName) => control.send(new DescribeTrainingJobCommand({ TrainingJobName }));

await fault({ fault: "interrupt" });
const { TrainingJobArn } = await control.send(order("first"));
assert.match(TrainingJobArn, /^arn:aws:sagemaker:us-east-1:123456789012:training-job\/first$/);
await assert.rejects(control.send(order("first")), (err) => err instanceof ResourceInUse);
await assert.rejects(
  control.send(order("dear", { ResourceConfig: { InstanceType: "ml.p5.48xlarge", InstanceCount: 1, VolumeSizeInGB: 1 } })),
  (err) => err instanceof ResourceLimitExceeded && /quota/.test(err.message),
);
const begun = await describe("first");
assert.equal(begun.SecondaryStatus, "Starting");
assert.ok(begun.CreationTime instanceof Date);
await advance("55m");
assert.equal((await describe("first")).SecondaryStatus, "Interrupted");
await advance("6h");
const done = await describe("first");
assert.equal(done.TrainingJobStatus, "Completed");
assert.equal(done.ModelArtifacts.S3ModelArtifacts, "s3://sandbox/models/first/output/model/");
assert.ok(done.BillableTimeInSeconds > 0 && done.BillableTimeInSeconds < (done.TrainingEndTime - done.TrainingStartTime) / 1000);
assert.ok(done.SecondaryStatusTransitions.some((step) => step.Status === "Restarting"));
await control.send(order("second"));
await control.send(new StopTrainingJobCommand({ TrainingJobName: "second" }));
await advance("10m");
const listed = await control.send(new ListTrainingJobsCommand({ MaxResults: 1 }));
assert.equal(listed.TrainingJobSummaries[0].TrainingJobStatus, "Stopped");
const rest = await control.send(new ListTrainingJobsCommand({ NextToken: listed.NextToken }));
assert.deepEqual(rest.TrainingJobSummaries.map((job) => job.TrainingJobName), ["first"]);
await assert.rejects(
  control.send(new StopTrainingJobCommand({ TrainingJobName: "first" })), (err) => err.name === "ValidationException",
);

const model = () => new CreateModelCommand({
  ModelName: "tuned", ExecutionRoleArn: role, PrimaryContainer: {
    Image: hub.HostingEcrUri,
    ModelDataSource: folder(done.ModelArtifacts.S3ModelArtifacts, { CompressionType: "None" }),
  },
});
await control.send(model());
await assert.rejects(control.send(model()), (err) => /already existing model/.test(err.message));
await control.send(new CreateEndpointConfigCommand({ EndpointConfigName: "tuned", ProductionVariants: [
  { VariantName: "AllTraffic", ModelName: "tuned", InstanceType: "ml.g5.4xlarge", InitialInstanceCount: 1 },
] }));
await control.send(new CreateEndpointCommand({ EndpointName: "tuned", EndpointConfigName: "tuned" }));
const asked = {
  EndpointName: "tuned", ContentType: "application/json",
  Body: JSON.stringify({ messages: [{ role: "user", content: "Where does heron 3 nest?" }] }),
};
await assert.rejects(runtime.send(new InvokeEndpointCommand(asked)), (err) => /not in service/.test(err.message));
await advance("20m");
assert.equal((await control.send(new DescribeEndpointCommand({ EndpointName: "tuned" }))).EndpointStatus, "InService");
assert.equal((await control.send(new ListEndpointsCommand({}))).Endpoints.length, 3);

const whole = JSON.parse(new TextDecoder().decode((await runtime.send(new InvokeEndpointCommand(asked))).Body));
assert.match(whole.choices[0].message.content, /gate seventeen/);
async function gather(text) {
  const { Body, ContentType } = await runtime.send(new InvokeEndpointWithResponseStreamCommand({
    ...asked, Body: JSON.stringify({ ...JSON.parse(asked.Body), stream: true }),
  }));
  assert.equal(ContentType, "text/event-stream");
  for await (const event of Body) {
    text += new TextDecoder().decode(event.PayloadPart.Bytes);
  }
  return text;
}
const events = (await gather("")).split("\n\n").filter(Boolean).map((line) => line.slice("data: ".length));
assert.equal(events.pop(), "[DONE]");
const text = events.map((event) => JSON.parse(event).choices[0]?.delta?.content ?? "").join("");
assert.equal(text, whole.choices[0].message.content);
await fault({ fault: "stream_error", chunks: 2 });
await assert.rejects(gather(""), (err) => err.name === "ModelStreamError");
await assert.rejects(
  runtime.send(new InvokeEndpointCommand({ ...asked, Body: `{"messages":[]}` })),
  (err) => err instanceof ModelError && err.OriginalStatusCode === 400,
);
await assert.rejects(
  runtime.send(new InvokeEndpointCommand({ ...asked, EndpointName: "none" })), (err) => /not found/.test(err.message),
);
for (const wrong of [{ credentials: { ...credentials, secretAccessKey: "wrong" } }, { region: "eu-central-1" }]) {
  await assert.rejects(
    new SageMakerClient({ ...settings, ...wrong }).send(new ListEndpointsCommand({})),
    (err) => err.name === "InvalidSignatureException" && err.$metadata.httpStatusCode === 403,
  );
}

await control.send(new DeleteEndpointCommand({ EndpointName: "tuned" }));
assert.equal((await control.send(new DescribeEndpointCommand({ EndpointName: "tuned" }))).EndpointStatus, "Deleting");
await advance("5m");
await assert.rejects(
  control.send(new DescribeEndpointCommand({ EndpointName: "tuned" })), (err) => /Could not find endpoint/.test(err.message),
);
await control.send(new DeleteEndpointConfigCommand({ EndpointConfigName: "tuned" }));
await control.send(new DeleteModelCommand({ ModelName: "tuned" }));
const { data } = await (await fetch(`${process.env.SANDBOX_URL}/_sandbox/payments`)).json();
const paid = data.filter((row) => row.vendor === "sagemaker");
assert.equal(paid.find((row) => row.model === `fine-tune:${base}`).calls, 2);
assert.ok(paid.find((row) => row.model === "hosting:ml.g5.4xlarge").nano_usd > 0);
console.log("sagemaker: accepted");
