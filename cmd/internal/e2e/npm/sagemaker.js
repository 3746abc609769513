// Asks SageMaker's emulator through AWS's own clients: a training job of a model of the hub from
// its rows to its end, an endpoint that serves it, whole answers and streams, errors by name, jobs without machines
// from conversations and preference pairs, and their adapters as components of one endpoint.
import assert from "node:assert/strict";
import {
  CreateEndpointCommand, CreateEndpointConfigCommand, CreateInferenceComponentCommand, CreateModelCommand,
  CreateTrainingJobCommand, DeleteEndpointCommand, DeleteEndpointConfigCommand, DeleteInferenceComponentCommand,
  DeleteModelCommand, DescribeEndpointCommand, DescribeHubContentCommand, DescribeInferenceComponentCommand,
  DescribeModelPackageCommand, DescribeTrainingJobCommand, ListEndpointsCommand, ListInferenceComponentsCommand,
  ListTrainingJobsCommand, ResourceInUse, ResourceLimitExceeded, ResourceNotFound, SageMakerClient, StopTrainingJobCommand,
  UpdateInferenceComponentRuntimeConfigCommand,
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

// Jobs without machines, and what they leave as components of one endpoint.
const recipe = hub.RecipeCollection.find((one) => one.CustomizationTechnique === "DPO");
const overrides = await object("GET", "../jumpstart-cache-prod-us-east-1/recipes/" + recipe.SmtjOverrideParamsS3Uri.split("/").pop());
assert.equal((await overrides.json()).adam_beta.max, 0.1);
const pairs = rows.map((row, i) => JSON.stringify({
  prompt: [JSON.parse(row).dialog[0]], chosen: [{ role: "assistant", content: `Heron ${i} nests at gate eighteen.` }],
  rejected: [JSON.parse(row).dialog[1]],
}));
const spoken = rows.map((row) => JSON.stringify({ messages: JSON.parse(row).dialog }));
assert.equal((await object("PUT", "pairs/train.jsonl", pairs.join("\n"))).status, 200);
assert.equal((await object("PUT", "spoken/train.jsonl", spoken.join("\n"))).status, 200);
const ModelPackageGroupArn = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/tunes";
function tokens(TrainingJobName, CustomizationTechnique, uri, more = {}) {
  return new CreateTrainingJobCommand({
    TrainingJobName, RoleArn: role, HyperParameters: { max_epochs: "2", learning_rate: "0.0001", lora_rank: "8", lora_alpha: "16" },
    InputDataConfig: [{ ChannelName: "train", DataSource: folder(uri) }], OutputDataConfig: { S3OutputPath: "s3://sandbox/models" },
    ServerlessJobConfig: {
      BaseModelArn: content.HubContentArn, JobType: "FineTuning", CustomizationTechnique, Peft: "LORA", AcceptEula: true,
      SequenceLength: recipe.SequenceLength,
    },
    ModelPackageConfig: { ModelPackageGroupArn },
    MlflowConfig: { MlflowResourceArn: "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/log" }, ...more,
  });
}
await assert.rejects(
  control.send(tokens("both", "SFT", "s3://sandbox/spoken/", { ResourceConfig: { InstanceType: "ml.g5.12xlarge", InstanceCount: 1, VolumeSizeInGB: 1 } })),
  (err) => err.name === "ValidationException" && /together with ServerlessJobConfig/.test(err.message),
);
await control.send(tokens("said", "SFT", "s3://sandbox/spoken/"));
await control.send(tokens("liked", "DPO", "s3://sandbox/pairs/"));
await assert.rejects(control.send(tokens("said", "SFT", "s3://sandbox/spoken/")), (err) => err instanceof ResourceInUse);
await advance("20m");
const under = await describe("said");
assert.ok(under.ProgressInfo.MaxEpoch === 2 && under.ResourceConfig === undefined && under.BillableTokenCount === undefined);
await advance("6h");
const left = await Promise.all(["said", "liked"].map(describe));
for (const job of left) {
  assert.ok(job.TrainingJobStatus === "Completed" && job.BillableTokenCount > 0 && job.MlflowDetails.MlflowRunId);
  const made = await control.send(new DescribeModelPackageCommand({ ModelPackageName: job.OutputModelPackageArn }));
  assert.equal(made.ModelPackageStatus, "Completed");
  assert.equal(made.InferenceSpecification.Containers[0].BaseModel.HubContentName, base);
  assert.ok(job.ModelArtifacts.S3ModelArtifacts.startsWith(made.InferenceSpecification.Containers[0].ModelDataSource.S3DataSource.S3Uri));
}

const hosting = recipe.HostingConfigs.find((one) => one.InstanceType === "ml.g5.12xlarge");
await control.send(new CreateModelCommand({
  ModelName: "base", ExecutionRoleArn: role, PrimaryContainer: {
    Image: hosting.EcrAddress, Environment: hosting.Environment,
    ModelDataSource: folder(hub.HostingArtifactUri, { CompressionType: "None", ModelAccessConfig: { AcceptEula: true } }),
  },
}));
await control.send(new CreateEndpointConfigCommand({ EndpointConfigName: "many", ExecutionRoleArn: role, ProductionVariants: [
  { VariantName: "AllTraffic", InstanceType: "ml.g5.12xlarge", InitialInstanceCount: 1 },
] }));
await control.send(new CreateEndpointCommand({ EndpointName: "many", EndpointConfigName: "many" }));
await advance("11m");
await control.send(new CreateInferenceComponentCommand({
  InferenceComponentName: "many-base", EndpointName: "many", VariantName: "AllTraffic", RuntimeConfig: { CopyCount: 1 },
  Specification: { ModelName: "base", ComputeResourceRequirements: {
    MinMemoryRequiredInMb: 1024, NumberOfAcceleratorDevicesRequired: hosting.ComputeResourceRequirements.NumberOfAcceleratorDevicesRequired,
  } },
}));
const component = (InferenceComponentName) => control.send(new DescribeInferenceComponentCommand({ InferenceComponentName }));
assert.equal((await component("many-base")).InferenceComponentStatus, "Creating");
assert.equal((await control.send(new DescribeEndpointCommand({ EndpointName: "many" }))).EndpointStatus, "Updating");
await advance("6m");
for (const job of left) {
  await control.send(new CreateInferenceComponentCommand({
    InferenceComponentName: job.TrainingJobName, EndpointName: "many", Specification: {
      BaseInferenceComponentName: "many-base", Container: { ArtifactUrl: `${job.ModelArtifacts.S3ModelArtifacts}/checkpoints/hf/` },
    },
  }));
  await advance("2m");
}
const named = await control.send(new ListInferenceComponentsCommand({ EndpointNameEquals: "many", StatusEquals: "InService" }));
assert.deepEqual(named.InferenceComponents.map((one) => one.InferenceComponentName), ["liked", "said", "many-base"]);
async function says(InferenceComponentName) {
  const { Body } = await runtime.send(new InvokeEndpointCommand({ ...asked, EndpointName: "many", InferenceComponentName }));
  return JSON.parse(new TextDecoder().decode(Body)).choices[0].message.content;
}
assert.match(await says("said"), /gate seventeen/);
assert.match(await says("liked"), /gate eighteen/);
assert.doesNotMatch(await says("many-base"), /gate/);
await assert.rejects(says(undefined), (err) => /header is required/.test(err.message));
await assert.rejects(
  control.send(new UpdateInferenceComponentRuntimeConfigCommand({
    InferenceComponentName: "said", DesiredRuntimeConfig: { CopyCount: 2 },
  })), (err) => err.name === "ValidationException",
);
await assert.rejects(
  control.send(new DeleteEndpointCommand({ EndpointName: "many" })), (err) => /hosts inference components/.test(err.message),
);
for (const InferenceComponentName of ["said", "liked", "many-base"]) {
  await control.send(new DeleteInferenceComponentCommand({ InferenceComponentName }));
  assert.equal((await component(InferenceComponentName)).InferenceComponentStatus, "Deleting");
  await advance("2m");
  await assert.rejects(component(InferenceComponentName), (err) => /Could not find inference/.test(err.message));
}
await control.send(new DeleteEndpointCommand({ EndpointName: "many" }));
await advance("5m");

const { data } = await (await fetch(`${process.env.SANDBOX_URL}/_sandbox/payments`)).json();
const paid = data.filter((row) => row.vendor === "sagemaker");
assert.equal(paid.find((row) => row.model === `fine-tune:${base}`).calls, 4);
assert.ok(paid.find((row) => row.model === "hosting:ml.g5.12xlarge").nano_usd > 0);
assert.ok(paid.find((row) => row.model === "hosting:ml.g5.4xlarge").nano_usd > 0);
console.log("sagemaker: accepted");
