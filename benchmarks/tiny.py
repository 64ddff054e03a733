"""samara-tiny (encode and decode one point at 512) against ViT-B at 1024 in transformers.

python benchmarks/tiny.py --threads 2 --rounds 3
"""

from __future__ import annotations

import argparse

import torch
from references import config, hugging_face, seeded_state
from timing import compare, report

from napari_samara.checkpoints.load import load_checkpoint


def main() -> None:
    """Print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checkpoint", default="samara-tiny")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tiny = load_checkpoint(options.checkpoint).model
    sizes = config()
    large = hugging_face(sizes, seeded_state(sizes))
    small_pixels = torch.randn(1, 3, tiny.config.image_size, tiny.config.image_size)
    pixels = torch.randn(1, 3, 1024, 1024)

    def ours() -> object:
        features = tiny.encode(small_pixels)
        code = tiny.prompt_encoder(torch.tensor([[[200.0, 200.0]]]), torch.ones(1, 1))
        return tiny.decode(features, code)

    def theirs() -> object:
        return large(pixels, input_points=torch.tensor([[[[400.0, 400.0]]]]))

    with torch.inference_mode():
        times = compare({"ours": ours, "transformers ViT-B": theirs}, options.rounds)
    report(f"one image and one point, {options.threads} thread(s)", times)


if __name__ == "__main__":
    main()
