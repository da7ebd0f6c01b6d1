#!/usr/bin/env python3
"""Run EleutherAI's lm-eval over /v1/completions and compare every number with transformers' on the same weights.

    Scripts/check_lm_eval.py --skein PATH [--model DIRECTORY]

The tasks are made here: choices between endings (Scripts/lm_eval_choices.jsonl, by log-likelihood) and the
log-likelihood of whole texts (the same texts, joined). lm-eval's `local-completions` sends them to the server as
token ids, single and in batches; its `hf` model computes them with transformers in float32. A model in EasyQuant
codes is written out in float32 first, so that both see the same weights, and the codes themselves are served
too, for information: there activations are rounded to eight bits. Written with lm-eval 0.4.13 (`pip install
lm_eval[api]`), torch 2.13.0, transformers 5.23.0. All traffic stays on 127.0.0.1, nothing is downloaded.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PLACE = tempfile.TemporaryDirectory()
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": PLACE.name,
               "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}

import lm_eval  # noqa: E402  (the environment comes first)
import numpy as np  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

# float32 sums in another order: the largest difference of a log-likelihood, relative to it where it is above one.
TOLERANCE = 2e-5


def tasks():
    texts = [json.loads(line) for line in (HERE / "lm_eval_choices.jsonl").read_text().splitlines()]
    whole = pathlib.Path(PLACE.name) / "whole.jsonl"
    joined = [" ".join(t["begin"] + t["choices"][t["best"]] for t in texts[i : i + 4]) for i in range(0, len(texts), 4)]
    whole.write_text("".join(json.dumps({"text": text}) + "\n" for text in joined))

    def task(name, path, **fields):
        return dict(task=name, dataset_path="json", test_split="test",
                    dataset_kwargs={"data_files": {"test": str(path)}}, **fields)
    return [
        task("choices", HERE / "lm_eval_choices.jsonl", output_type="multiple_choice",
             doc_to_text="{{begin}}", doc_to_choice="{{choices}}", doc_to_target="{{best}}",
             target_delimiter="", metric_list=[{"metric": "acc"}, {"metric": "acc_norm"}]),
        task("whole", whole, output_type="loglikelihood_rolling", doc_to_text="", doc_to_target="{{text}}",
             metric_list=[{"metric": "word_perplexity"}, {"metric": "bits_per_byte"}]),
    ]


def evaluate(kind, **arguments):
    result = lm_eval.simple_evaluate(
        model=kind, model_args=arguments | {"add_bos_token": True}, tasks=tasks(), log_samples=True, bootstrap_iters=0,
        task_manager=TaskManager(include_defaults=False))
    numbers, greedy = [], []
    for name in ("choices", "whole"):
        for sample in result["samples"][name]:
            for answer in sample["filtered_resps"]:
                pair = answer if isinstance(answer, (list, tuple)) else (answer, None)
                numbers.append(float(pair[0]))
                greedy.append(str(pair[1]))
    metrics = {f"{task} {name.split(',')[0]}": value for task, values in result["results"].items()
               for name, value in values.items() if isinstance(value, float)}
    return np.array(numbers), greedy, metrics


def plain(folder):
    """The folder with its weights in float32, made where it holds codes."""
    config = json.loads((folder / "config.json").read_text())
    if "quantization_config" not in config:
        return folder
    from safetensors.numpy import save_file

    sys.path.insert(0, str(HERE))
    import ship_model
    target = pathlib.Path(PLACE.name) / "plain"
    target.mkdir()
    weights = ship_model.dequantize(
        ship_model.load_numpy(folder / "model.safetensors"), config.pop("quantization_config")["formats"])
    save_file({n: np.ascontiguousarray(v, np.float32) for n, v in weights.items()},
              target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(config | {"torch_dtype": "float32"}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, target / name)
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skein", required=True)
    parser.add_argument("--model", type=pathlib.Path, default=HERE.parent / "Models/stories")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from verify_server import Server

    source = plain(arguments.model)
    length = json.loads((source / "config.json").read_text())["max_position_embeddings"]
    expected, greedy, metrics = evaluate("hf", pretrained=str(source), dtype="float32", device="cpu",
                                         max_length=length - 1)
    failed = False

    def compare(folder, title, tolerance, batch, **more):
        nonlocal failed
        server = Server(arguments.skein, "--model", f"{folder}=tested", "--cache-type", "f32")
        try:
            found, also_greedy, also = evaluate(
                "local-completions", model="tested", base_url=server.base + "/v1/completions",
                tokenizer=str(source), tokenizer_backend="huggingface", max_length=length - 1,
                batch_size=batch, **more)
        finally:
            server.process.terminate()
            server.process.wait(20)
        apart = float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1)))
        same = also_greedy == greedy
        failed |= tolerance is not None and (apart > tolerance or not same)
        print(f"{title}: {len(found)} log-likelihoods, at most {apart:.1e} apart,"
              f" greedy flags {'equal' if same else 'differ'}", flush=True)
        return also

    found = compare(source, "ids, one by one", TOLERANCE, 1)
    compare(source, "ids, eight a request", TOLERANCE, 8)
    compare(source, "ids, four requests at once", TOLERANCE, 3, num_concurrent=4)
    if source != arguments.model:
        compare(arguments.model, "codes (for information)", None, 8)
    for name, value in metrics.items():
        print(f"{name}: transformers {value:.6f}, skein {found[name]:.6f}")
        failed |= abs(found[name] - value) > TOLERANCE * abs(value)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
