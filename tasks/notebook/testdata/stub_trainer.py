"""A trainer without a GPU: ten steps, a checkpoint every second one. It dies where it is told."""
import json
import os
import types

STEPS = 10


class Trainer:
    def __init__(self, rows, callback, output):
        self.rows, self.callback = rows, callback
        self.args = types.SimpleNamespace(output_dir=output)
        self.state = types.SimpleNamespace(global_step=0, max_steps=STEPS)
        self.model = types.SimpleNamespace(config=types.SimpleNamespace(_commit_hash="a1b2c3"))
        self.control = types.SimpleNamespace(should_save=False, should_training_stop=False)

    def train(self, resume_from_checkpoint=None):
        if resume_from_checkpoint:
            with open(os.path.join(resume_from_checkpoint, "trainer_state.json")) as file:
                self.state.global_step = json.load(file)["global_step"]
        while self.state.global_step < STEPS and not self.control.should_training_stop:
            self.state.global_step += 1
            with open(os.environ["STUB_TRACE"], "a") as file:
                file.write("%d " % self.state.global_step)
            if os.environ.get("STUB_DIES_AT") == str(self.state.global_step):
                os._exit(9)
            self.callback.on_step_end(self.args, self.state, self.control)
            self.callback.on_log(self.args, self.state, self.control, logs={"loss": 1.0})
            if self.state.global_step % 2 == 0 or self.control.should_save:
                self.save()

    def save(self):
        folder = os.path.join(self.args.output_dir, "checkpoint-%d" % self.state.global_step)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "trainer_state.json"), "w") as file:
            json.dump({"global_step": self.state.global_step}, file)
        self.control.should_save = False
        self.callback.on_save(self.args, self.state, self.control)

    def save_model(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "adapter_model.safetensors"), "wb") as file:
            with open(self.rows, "rb") as rows:
                learnt = rows.read()
            header = json.dumps({"__metadata__": {"format": "pt"}, "rows": {
                "dtype": "U8", "shape": [len(learnt)], "data_offsets": [0, len(learnt)]}}).encode()
            file.write(len(header).to_bytes(8, "little") + header + learnt)
        config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8,
                  "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
        for name in ["adapter_config.json", "tokenizer.json", "chat_template.jinja", "training_args.bin"]:
            with open(os.path.join(folder, name), "w") as file:
                json.dump(config if name == "adapter_config.json" else {}, file)


def make(rows, callback, output):
    return Trainer(rows, callback, output)
