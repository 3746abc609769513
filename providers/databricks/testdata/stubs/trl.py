# Stands in for the trainer: ten steps, the fifth and the last of which are saved.
import os
import types


class SFTConfig(types.SimpleNamespace):
    pass


class Merged:
    def merge_and_unload(self):
        return "merged"


class SFTTrainer:
    def __init__(self, callbacks, **told):
        self.callback, self.model = callbacks[0], Merged()
        self.state = types.SimpleNamespace(global_step=0)

    def train(self):
        for step in range(1, 11):
            self.state.global_step = step
            if str(step) == os.environ.get("STUB_BREAKS"):
                raise RuntimeError("out of memory")
            self.callback.on_log(None, self.state, None, logs={"loss": 1 / step})
            if step % 5 == 0:
                self.callback.on_save(None, self.state, None)
