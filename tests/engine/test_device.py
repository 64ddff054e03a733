"""Tests of choosing device and precision."""

from __future__ import annotations

import pytest
import torch

from napari_samara.engine.device import (
    PRECISIONS,
    DeviceChoice,
    DeviceReport,
    choose_device,
    is_out_of_memory,
)
from napari_samara.errors import DeviceError

CPU_BUILD = DeviceReport(torch_version="2.9.0+cpu")
NO_DRIVER = DeviceReport(cuda_built=True, torch_version="2.9.0")
MAC = DeviceReport(mps=True, torch_version="2.9.0")


def gpu(capability: tuple[int, int], count: int = 1) -> DeviceReport:
    """A machine with CUDA devices."""
    return DeviceReport(count, "Quick GPU", capability, cuda_built=True)


OLD, VOLTA, TURING, AMPERE, HOPPER = (gpu(c) for c in ((6, 1), (7, 0), (7, 5), (8, 0), (9, 0)))
TWO = gpu((8, 6), 2)


@pytest.mark.parametrize(
    ("report", "device", "precision", "reason"),
    [
        (CPU_BUILD, "cpu", "float32", "2.9.0+cpu is built without CUDA"),
        (NO_DRIVER, "cpu", "float32", "check the driver with nvidia-smi"),
        (MAC, "mps", "float32", "Apple GPU"),
        (OLD, "cuda", "float32", "Quick GPU"),
        (VOLTA, "cuda", "float16", "Quick GPU"),
        (TURING, "cuda", "float16", "Quick GPU"),
        (AMPERE, "cuda", "bfloat16", "Quick GPU"),
        (HOPPER, "cuda", "bfloat16", "Quick GPU"),
        (TWO, "cuda", "bfloat16", "Quick GPU"),
        (DeviceReport(1, "", (8, 0), True, mps=True), "cuda", "bfloat16", "first CUDA device"),
    ],
)
def test_automatic_choice(report: DeviceReport, device: str, precision: str, reason: str) -> None:
    choice = choose_device(report=report)
    assert (choice.device, choice.precision) == (device, precision)
    assert reason in choice.reason
    assert str(choice) == f"{device}, {precision} encoder ({choice.reason})"


@pytest.mark.parametrize(
    ("device", "report", "precision"),
    [
        ("cpu", HOPPER, "float32"),
        ("cpu", CPU_BUILD, "float32"),
        ("cuda", TURING, "float16"),
        ("cuda:0", AMPERE, "bfloat16"),
        ("cuda:1", TWO, "bfloat16"),
        ("mps", MAC, "float32"),
    ],
)
def test_choice_that_was_asked_for(device: str, report: DeviceReport, precision: str) -> None:
    choice = choose_device(device, report=report)
    assert (choice.device, choice.precision) == (device, precision)
    assert choice.kind == device.split(":")[0]
    assert choice.reason == "as asked for"


@pytest.mark.parametrize(
    ("device", "report", "message"),
    [
        ("cuda", CPU_BUILD, "built without CUDA"),
        ("cuda:0", NO_DRIVER, "nvidia-smi"),
        ("cuda", MAC, "not usable"),
        ("cuda:1", AMPERE, "this machine has 1, counted from cuda:0"),
        ("cuda:2", TWO, "this machine has 2"),
        ("mps", AMPERE, "needs macOS on Apple silicon"),
        ("gpu", AMPERE, "'gpu' is unknown; use auto, cpu, cuda, cuda:N or mps"),
        ("CUDA", AMPERE, "unknown"),
        ("cuda:", CPU_BUILD, "unknown"),
        ("cuda:one", AMPERE, "unknown"),
        ("cuda:-1", AMPERE, "unknown"),
        ("", AMPERE, "unknown"),
        ("xla", CPU_BUILD, "unknown"),
    ],
)
def test_device_that_is_not_there(device: str, report: DeviceReport, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        choose_device(device, report=report)


@pytest.mark.parametrize(
    ("given", "name", "dtype"),
    [
        ("float32", "float32", torch.float32),
        ("fp32", "float32", torch.float32),
        ("float16", "float16", torch.float16),
        ("fp16", "float16", torch.float16),
        ("bfloat16", "bfloat16", torch.bfloat16),
        ("bf16", "bfloat16", torch.bfloat16),
    ],
)
@pytest.mark.parametrize(("device", "report"), [("cpu", CPU_BUILD), ("cuda", OLD), ("mps", MAC)])
def test_precision_that_was_asked_for(
    given: str, name: str, dtype: torch.dtype, device: str, report: DeviceReport
) -> None:
    choice = choose_device(device, given, report)
    assert choice.precision == name
    assert choice.dtype == dtype


def test_torch_that_knows_one_precision_on_apple_gpus() -> None:
    old = DeviceReport(mps=True, mps_autocast=False, torch_version="2.4.1")
    assert choose_device("auto", "auto", old).precision == "float32"
    for precision in ("float16", "bfloat16"):
        with pytest.raises(DeviceError, match=f"torch 2.4.1 cannot encode in {precision}"):
            choose_device("mps", precision, old)


@pytest.mark.parametrize("precision", ["half", "float64", "int8", "FP16", ""])
def test_unknown_precision(precision: str) -> None:
    with pytest.raises(DeviceError, match="is unknown; use auto, float32, float16, bfloat16"):
        choose_device("cpu", precision, CPU_BUILD)


def test_every_precision_has_its_type() -> None:
    assert all(str(dtype) == f"torch.{name}" for name, dtype in PRECISIONS.items())


def _pretend(monkeypatch: pytest.MonkeyPatch, built: bool, count: int, available: bool) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.8" if built else None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (8, 9))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("built", "count", "available", "expected"),
    [
        (False, 0, False, (0, "", (0, 0), False)),
        (True, 0, False, (0, "", (0, 0), True)),
        (True, 2, False, (0, "", (0, 0), True)),  # seen, but the driver is too old
        (True, 2, True, (2, "GPU 0", (8, 9), True)),
    ],
)
def test_report_of_a_machine(
    monkeypatch: pytest.MonkeyPatch,
    built: bool,
    count: int,
    available: bool,
    expected: tuple[object, ...],
) -> None:
    _pretend(monkeypatch, built, count, available)
    found = DeviceReport.of_this_machine()
    assert (
        found.cuda_devices,
        found.cuda_name,
        found.cuda_capability,
        found.cuda_built,
    ) == expected
    assert found.torch_version == torch.__version__
    assert found.threads >= 1
    assert not found.mps


def test_this_machine_is_asked_where_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, True, 1, True)
    assert choose_device() == DeviceChoice("cuda", "bfloat16", "GPU 0")


def test_choice_is_usable_here() -> None:
    choice = choose_device()
    assert torch.zeros(1, device=choice.device).sum() == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_memory_errors_of_every_device_are_known(error, expected):
    assert is_out_of_memory(error) is expected


@pytest.mark.parametrize("name", ["cpu:3", "mps:1", "cuda:", "cuda:x"])
def test_numbers_belong_to_cuda_alone(name):
    report = DeviceReport(cuda_devices=2, cuda_built=True, mps=True)
    with pytest.raises(DeviceError, match="unknown"):
        choose_device(name, report=report)
