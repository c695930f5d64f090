"""What the names of two layers say of each other."""

from __future__ import annotations

from paddle_tsm.parity.model_pair.layer_tensors import TensorLayer

WRAPPERS = ("module", "_orig_mod", "_layers", "model")  # what programs put around a model
SYNONYMS = {"cross_attn": "multihead_attn"}  # Paddle's name in a Transformer's decoder -> PyTorch's


def plain(name: str) -> str:
    """A layer's name without wrappers in front, with PyTorch's word where the frameworks' own layers differ."""
    words = name.split(".")
    while words and words[0] in WRAPPERS:
        words = words[1:]
    return ".".join(SYNONYMS.get(word, word) for word in words)


def most_similar(layer: TensorLayer, candidates: list[TensorLayer], rivals: list[TensorLayer]) -> TensorLayer | None:
    """The candidate with which the layer shares the most words of its name, if it is the only one, and if no other of
    Paddle's layers shares as many with it: "block.branch7x7_1.conv" is "list.4.branch7x7_1.0".
    """

    def shared(a: TensorLayer, b: TensorLayer) -> int:
        return len(words(a.name) & words(b.name))

    if len(candidates) < 2:
        return None
    best = max(candidates, key=lambda found: shared(found, layer))
    most = shared(best, layer)
    others = [shared(found, layer) for found in candidates if found is not best]
    other_layers = [shared(best, found) for found in rivals if found is not layer]
    return best if most > max(others) and most > max(other_layers, default=0) else None


def words(name: str) -> set[str]:
    """The words of a layer's name, without numbers, which say nothing of their own: {"branch7x7_1", "branch7x7", ...}.

    >>> sorted(words("layers.0.to_q.conv"))
    ['conv', 'layers', 'q', 'to', 'to_q']
    """
    parts = [part for part in plain(name).split(".") if not part.isdigit()]
    return {*parts, *(word for part in parts for word in part.split("_") if not word.isdigit())}
