# Trains an adapter on rows of a volume, merges it, and registers the model in Unity Catalog.
import datetime
import json
import os

os.environ.setdefault("MLFLOW_HUGGINGFACE_DEVICE_MAP_STRATEGY", "auto")  # one process uses all accelerators
P = json.loads(r"""{{parameters}}""")
os.makedirs(P["output"], exist_ok=True)
EVENTS = os.path.join(P["output"], "events.jsonl")
LINES = []


def tell(kind, message, level="info", step=0, **more):
    at = datetime.datetime.now(datetime.timezone.utc).isoformat()
    LINES.append(json.dumps({"type": kind, "level": level, "message": message, "step": step, "created": at, **more}))
    with open(EVENTS, "w") as file:  # a volume takes no appending
        file.write("\n".join(LINES) + "\n")


def check(rows):
    # The first row that can not be trained on ends the run before a model is loaded.
    with open(rows) as file:
        for number, line in enumerate(file, 1):
            turns = json.loads(line)["messages"]
            if not turns or any("role" not in turn or "content" not in turn for turn in turns):
                raise SystemExit("Line %d: each message has to have a role and a content" % number)


def make(output, callback):
    import mlflow
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    parts = mlflow.transformers.load_model("models:/%s/1" % P["weights"], return_type="components")
    rows = load_dataset("json", data_files={"train": P["data"], **({"test": P["validation"]} if P["validation"] else {})})
    return parts["tokenizer"], SFTTrainer(
        model=parts["model"], processing_class=parts["tokenizer"], train_dataset=rows["train"],
        eval_dataset=rows.get("test"), callbacks=[callback],
        peft_config=LoraConfig(
            r=P["rank"], lora_alpha=P["alpha"], lora_dropout=0, bias="none", task_type="CAUSAL_LM",
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
        args=SFTConfig(
            output_dir=output, num_train_epochs=P["epochs"], learning_rate=P["learning_rate"], bf16=True,
            per_device_train_batch_size=P["batch_size"], gradient_checkpointing=True, max_length=P["max_sequence"],
            save_steps=1.0 / P["checkpoints"], save_total_limit=2, logging_steps=10, lr_scheduler_type="cosine",
            seed=P["seed"], assistant_only_loss=True, report_to="none"))


def register(model, tokenizer):
    import mlflow

    mlflow.set_registry_uri("databricks-uc")
    with mlflow.start_run():
        mlflow.transformers.log_model(
            transformers_model={"model": model, "tokenizer": tokenizer}, name="model", task="llm/v1/chat",
            input_example={"messages": [{"role": "user", "content": "Hello"}]}, registered_model_name=P["model"])


def run():
    from transformers import TrainerCallback

    class Reports(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            tell("progress", "loss %s" % (logs or {}).get("loss"), step=state.global_step)

        def on_save(self, args, state, control, **_):
            tell("checkpoint", "checkpoint saved", step=state.global_step)

    tokenizer, trainer = make(os.path.join(P["output"], "checkpoints"), Reports())
    tell("training", "training started")
    trainer.train()
    tell("checkpoint", "model trained", step=trainer.state.global_step, final=True)
    register(trainer.model.merge_and_unload(), tokenizer)
    tell("registered", "model registered", step=trainer.state.global_step)


tell("started", "run started")
try:
    check(P["data"])
    run()
except BaseException as fault:
    tell("failed", str(fault)[:500], level="error")
    raise
