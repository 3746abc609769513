class LoraConfig:
    def __init__(self, **told):
        assert told["r"] == 16 and told["lora_alpha"] == 32
