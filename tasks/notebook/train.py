# %% [parameters]
# What this run trains on, and where it reports to. The key is for this run alone.
import json

P = json.loads(r"""{{parameters}}""")

# %% [packages]
# The versions are pinned: a checkpoint is only sure to resume under those that wrote it.
import importlib.metadata
import subprocess
import sys


def pinned(requirement):
    name, _, version = requirement.partition("==")
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False


wanted = [r for r in P["packages"] if not pinned(r)]
if wanted:
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", *wanted])

# %% [messages]
# Each message is signed with the run's key over its time, its number and its body, and is
# numbered higher than the one before.
import hashlib
import hmac
import http.client
import os
import tarfile
import time
import urllib.error
import urllib.request

STARTED = time.time()
STOP_AT = STARTED + P["session_seconds"] - P["stop_before_seconds"]
WORK = os.environ.get("DREAMLAB_WORK", "dreamlab-run")
os.makedirs(WORK, exist_ok=True)


def ask(method, url, data=None, headers=None, tries=5):
    for left in range(tries, 0, -1):
        request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.read()
        except urllib.error.HTTPError as refused:
            if refused.code < 500 or left == 1:
                raise
        except (OSError, http.client.HTTPException):  # nobody answered, or not to the end
            if left == 1:
                raise
        time.sleep(P["retry_seconds"])


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


RUN = json.loads(ask("GET", P["run_url"]))
if RUN.get("stop") or RUN["state"] == "ended":
    raise SystemExit("the run was cancelled" if RUN.get("stop") else "the run has ended: its adapter is with Dream Lab")


def tell(kind, **told):
    RUN["sequence"] += 1
    body = json.dumps({"kind": kind, **told}).encode()
    at, number = str(int(time.time())), str(RUN["sequence"])
    signed = "\n".join([at, number, hashlib.sha256(body).hexdigest()]).encode()
    signature = hmac.new(bytes.fromhex(P["key"]), signed, hashlib.sha256).hexdigest()
    try:
        answer = ask("POST", P["messages_url"], body, {
            "Content-Type": "application/json", "X-Dreamlab-Timestamp": at,
            "X-Dreamlab-Sequence": number, "X-Dreamlab-Signature": signature,
        })
    except urllib.error.HTTPError:
        answer = ask("GET", P["run_url"])
        if json.loads(answer)["sequence"] != RUN["sequence"]:
            raise  # else it had arrived, and its answer was lost
    return json.loads(answer).get("stop", False)


def put(path, name):
    with open(path, "rb") as file:
        ask("PUT", P["files_url"].replace("NAME", name), file.read(), {"Content-Type": "application/octet-stream"})
    return {"name": name, "sha256": sha256(path), "bytes": os.path.getsize(path)}


# %% [data]
# The rows are those that were frozen, or the run ends here.
ROWS = os.path.join(WORK, "rows.jsonl")
with open(ROWS, "wb") as file:
    file.write(ask("GET", P["data_url"]))
if sha256(ROWS) != P["data_sha256"]:
    raise SystemExit("the rows are not those of the dataset: get the notebook again")

# %% [resume]
# The newest checkpoint of an earlier session, where there is one.
RESUME = None
if RUN.get("checkpoint"):
    saved = RUN["checkpoint"]
    packed = os.path.join(WORK, saved["name"])
    with open(packed, "wb") as file:
        file.write(ask("GET", P["files_url"].replace("NAME", saved["name"])))
    if sha256(packed) != saved["sha256"]:
        raise SystemExit("the checkpoint is not the one that was saved: start the run anew")
    RESUME = os.path.join(WORK, "checkpoint-%d" % saved["step"])
    with tarfile.open(packed) as archive:
        archive.extractall(RESUME, filter="data")
    os.remove(packed)

# %% [model]
# The adapter that is trained. DREAMLAB_TRAINER names a module with a make of its own.


def make(rows, callback, output):
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(
        P["base"], revision=P["revision"], max_seq_length=P["max_sequence"], load_in_4bit=True)
    model = FastLanguageModel.get_peft_model(
        model, r=P["rank"], lora_alpha=P["alpha"], lora_dropout=0, bias="none", random_state=P["seed"],
        use_gradient_checkpointing="unsloth",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    return SFTTrainer(
        model=model, processing_class=tokenizer, train_dataset=load_dataset("json", data_files=rows, split="train"),
        callbacks=[callback],
        args=SFTConfig(
            output_dir=output, num_train_epochs=P["epochs"], learning_rate=P["learning_rate"],
            per_device_train_batch_size=P["batch_size"], save_steps=P["save_steps"], save_total_limit=2,
            lr_scheduler_type="cosine", seed=P["seed"], assistant_only_loss=True, report_to="none", logging_steps=10))


if os.environ.get("DREAMLAB_TRAINER"):
    make = importlib.import_module(os.environ["DREAMLAB_TRAINER"]).make
try:
    from transformers import TrainerCallback
except ImportError:
    TrainerCallback = object

# %% [training]
# Checkpoints leave the machine as they are saved. Ten minutes before the session's end the
# training saves once more and stops: the next session goes on from there. A run that was
# cancelled is told so by the answer to its next message, and stops for good.


class Reports(TrainerCallback):
    stopped = False
    cancelled = False

    def report(self, control, kind, **told):
        if tell(kind, **told):
            self.cancelled = True
            control.should_training_stop = True
        return control

    def on_step_end(self, args, state, control, **_):
        if time.time() >= STOP_AT:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_log(self, args, state, control, logs=None, **_):
        loss = (logs or {}).get("loss")
        try:
            return self.report(control, "heartbeat", step=state.global_step, total=state.max_steps, loss=loss)
        except (OSError, http.client.HTTPException) as lost:
            print("A heartbeat did not arrive: %s" % lost)  # a checkpoint has to
            return control

    def on_save(self, args, state, control, **_):
        folder = os.path.join(args.output_dir, "checkpoint-%d" % state.global_step)
        packed = folder + ".tar"
        with tarfile.open(packed, "w") as archive:
            archive.add(folder, arcname=".")
        name = "checkpoint-%d-%s.tar" % (state.global_step, sha256(packed)[:12])
        saved = put(packed, name)
        os.remove(packed)
        return self.report(control, "checkpoint", step=state.global_step, file=saved)


reports = Reports()
trainer = make(ROWS, reports, os.path.join(WORK, "checkpoints"))
weights = getattr(getattr(trainer, "model", None), "config", None)
tell("started", resumed=RUN["checkpoint"]["step"] if RESUME else 0,
     revision=getattr(weights, "_commit_hash", None) or P["revision"] or "")
trainer.train(resume_from_checkpoint=RESUME)

# %% [end]
# Of what was trained only safetensors and the texts beside them leave the machine.
KEEP = ["adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "chat_template.jinja"]
if reports.cancelled:
    tell("stopped", step=trainer.state.global_step)
    print("The run was cancelled.")
elif reports.stopped:
    tell("paused", step=trainer.state.global_step)
    print("The session's time is nearly over. Run the notebook once more: it goes on from step %d."
          % trainer.state.global_step)
else:
    adapter = os.path.join(WORK, "adapter")
    trainer.save_model(adapter)
    described = os.path.join(adapter, "adapter_config.json")
    with open(described) as file:
        config = json.load(file)
    config["base_model_name_or_path"] = P["base"]  # not the copy in 4 bits that it may have been trained on
    with open(described, "w") as file:
        json.dump(config, file)
    files = [put(os.path.join(adapter, name), name) for name in KEEP if os.path.exists(os.path.join(adapter, name))]
    tell("end", step=trainer.state.global_step, files=files)
    print("Done: the adapter is with Dream Lab.")
