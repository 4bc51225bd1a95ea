"""Tiny models and data with the names, labels and layouts that the paper's tasks expect."""

import csv
import json
import random
import sys
from pathlib import Path

from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from tiny_models import WORDS, write_tokenizer

TOXIC = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
SHAPE = {"vocab_size": 324, "pad_token_id": 1}
BERT = SHAPE | {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
BERT |= {"intermediate_size": 32, "max_position_embeddings": 140}
GPT = {"vocab_size": 324, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 128}
GPT |= {"bos_token_id": 0, "eos_token_id": 0}


def labels(names: list[str]) -> dict[str, object]:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def main(out: Path) -> None:
    distil = {"dim": 16, "hidden_dim": 32, "n_layers": 1, "n_heads": 2, "pad_token_id": 1}
    distil |= {"vocab_size": 324, "max_position_embeddings": 140}
    models = {
        "gpt2": GPT2LMHeadModel(GPT2Config(**GPT)),
        "gptj": GPTJForCausalLM(GPTJConfig(**GPT, rotary_dim=4)),
        "distilbert-imdb": DistilBertForSequenceClassification(
            DistilBertConfig(**distil, **labels(["NEGATIVE", "POSITIVE"]))
        ),
        "toxic-bert": BertForSequenceClassification(
            BertConfig(**BERT, **labels(TOXIC), problem_type="multi_label_classification")
        ),
        "roberta-offensive": RobertaForSequenceClassification(
            RobertaConfig(**BERT, **labels(["non-offensive", "offensive"]))
        ),
    }
    for name, model in models.items():
        write_tokenizer(out / name, model_max_length=128)
        model.save_pretrained(out / name)
    draw = random.Random(0)

    def text() -> str:
        return " ".join(draw.choice(WORDS) for _ in range(20))

    def write(name: str, header: list[str]) -> None:
        with (out / name).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(header)
            for index in range(120):
                others = [0] * (len(header) - 3)
                rows.writerow([index, text(), index % 2, *others])

    write("imdb.csv", ["id", "text", "label"])
    write("tweets.csv", ["id", "text", "label"])
    write("jigsaw.csv", ["id", "comment_text", *TOXIC])
    with (out / "rtp.jsonl").open("w", encoding="utf-8") as file:
        for index in range(120):
            scores = {"toxicity": (index % 10) / 10}
            row = {
                "prompt": {"text": text(), **scores},
                "continuation": {"text": f" {text()}", **scores},
            }
            file.write(json.dumps(row) + "\n")


main(Path(sys.argv[1]))
