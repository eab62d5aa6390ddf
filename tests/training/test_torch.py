"""Data sets in torch's DataLoader and torchdata's, with workers of both kinds.

`make test-torch` runs these tests; `make test` doesn't, as they need the libraries.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, default_collate
from torchdata.stateful_dataloader import StatefulDataLoader

from synapse.errors import SampleError
from synapse.integrations.torch import collate

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # torchdata calls a function that torch has deprecated.
    pytest.mark.filterwarnings("ignore:'set_vital':UserWarning"),
]


def to_tensor(picture: Any) -> torch.Tensor:
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.reshape(picture.height, picture.width, 3).permute(2, 0, 1) / 255


def ids(batches: Any) -> list[int]:
    return [target["image_id"] for _, targets in batches for target in targets]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_load_batches(session: Any, tasks: Any, method: str) -> None:
    dataset = tasks.to_torch(transform=to_tensor)
    dataset[0]  # an open connection, which a forked worker must not use
    loader = DataLoader(
        dataset, batch_size=5, num_workers=2, collate_fn=collate, multiprocessing_context=method
    )
    batches = list(loader)
    assert [len(images) for images, _ in batches] == [5, 5, 2]
    assert ids(batches) == [row["id"] for row in tasks.values("id")]
    images, targets = batches[0]
    assert images[3].shape == (3, 48, 64)
    assert float(images[3][0, 0, 0] * 255) == pytest.approx(3)
    assert targets[3]["boxes"].tolist() == [[3, 20, 33, 40]]
    assert (targets[3]["boxes"].dtype, targets[3]["labels"].dtype) == (torch.float32, torch.int64)
    assert targets[3]["labels"].tolist() == [1]
    before = session.request_count
    assert len(list(DataLoader(dataset, collate_fn=collate))) == 12
    assert session.request_count == before  # a second epoch


def test_seed_decides_the_order(tasks: Any) -> None:
    dataset = tasks.to_torch(transform=to_tensor)

    def read() -> list[int]:
        generator = torch.Generator().manual_seed(3)
        loader = DataLoader(
            dataset, batch_size=4, shuffle=True, generator=generator, collate_fn=collate
        )
        return ids(loader)

    assert read() == read()


def test_masks_are_tensors(tasks: Any) -> None:
    _, target = tasks.to_torch(masks=True)[2]
    assert target["masks"].dtype == torch.uint8
    assert int(target["masks"].sum()) == 600


def test_a_model_learns(tasks: Any) -> None:
    """Training on the classes of the boxes, by the usual loop."""
    dataset = tasks.to_torch(
        transform=to_tensor, target_transform=lambda target: int(target["labels"][0]) - 1
    )
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 48 * 64, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        for images, labels in DataLoader(dataset, batch_size=12, collate_fn=default_collate):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert len(losses) == 3
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_stream_is_shared_by_the_workers(tasks: Any, workers: int) -> None:
    stream = tasks.page_size(2).to_torch(stream=True, seed=5, transform=to_tensor)
    assert isinstance(stream, IterableDataset)

    def read(epoch: int) -> list[int]:
        stream.set_epoch(epoch)
        return ids(DataLoader(stream, batch_size=3, num_workers=workers, collate_fn=collate))

    first = read(0)
    assert sorted(first) == [row["id"] for row in tasks.values("id")]
    assert read(1) != first
    assert read(0) == first


def test_persistent_workers_count_the_epochs(tasks: Any) -> None:
    stream = tasks.page_size(2).to_torch(stream=True, seed=5)
    loader = DataLoader(stream, num_workers=1, collate_fn=collate, persistent_workers=True)
    passes = [ids(loader) for _ in range(2)]
    for epoch in range(2):
        stream.set_epoch(epoch)
        assert ids(DataLoader(stream, collate_fn=collate)) == passes[epoch]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("is_stream", [True, False])
def test_loader_resumes(tasks: Any, workers: int, is_stream: bool) -> None:
    def make() -> Any:
        query = tasks.page_size(2)
        dataset = query.to_torch(stream=True, seed=5) if is_stream else query.to_torch()
        return StatefulDataLoader(
            dataset,
            batch_size=2,
            num_workers=workers,
            collate_fn=collate,
            shuffle=None if is_stream else True,
            generator=None if is_stream else torch.Generator().manual_seed(3),
        )

    whole = ids(make())
    loader = make()
    batches = iter(loader)
    begun = ids([next(batches), next(batches)])
    state = loader.state_dict()
    assert isinstance(json.dumps(state, default=str), str)

    other = make()
    other.load_state_dict(state)
    assert begun + ids(other) == whole


def test_skipped_samples_of_workers_are_reported(session: Any, tasks: Any) -> None:
    broken = tasks[1]
    broken.annotate({"annotations": [{"type": "class", "label": "person"}]})
    dataset = tasks.to_torch(on_error="skip")
    loader = DataLoader(dataset, batch_size=4, num_workers=2, collate_fn=collate)
    assert broken.id not in ids(loader)
    assert [each.id for each in dataset.skipped] == [broken.id]
    strict = DataLoader(tasks.to_torch(), num_workers=1, collate_fn=collate)
    with pytest.raises(SampleError, match=f"task {broken.id}"):
        list(strict)
