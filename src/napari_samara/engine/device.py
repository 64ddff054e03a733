"""Which device and number format a model runs in, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_samara.errors import DeviceError

PRECISIONS: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
"""Number formats the encoder can run in; prompts and the decoder stay float32."""

_SHORT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_BF16_CAPABILITY = (8, 0)
_FP16_CAPABILITY = (7, 0)


@dataclass(frozen=True)
class DeviceReport:
    """What this machine offers.

    Attributes
    ----------
    cuda_devices : int
        Usable CUDA (or ROCm) devices.
    cuda_name : str
        Name of the first.
    cuda_capability : tuple of int
        Compute capability of the first.
    cuda_built : bool
        Whether this build of torch has CUDA or ROCm at all.
    mps : bool
        Whether Apple's Metal is usable.
    mps_autocast : bool
        Whether this torch has other precisions than float32 there.
    torch_version : str
        Version of torch.
    threads : int
        CPU threads that torch computes with.
    """

    cuda_devices: int = 0
    cuda_name: str = ""
    cuda_capability: tuple[int, int] = (0, 0)
    cuda_built: bool = False
    mps: bool = False
    mps_autocast: bool = True
    torch_version: str = ""
    threads: int = 1

    @classmethod
    def of_this_machine(cls) -> DeviceReport:
        """Ask torch."""
        built = torch.version.cuda is not None or getattr(torch.version, "hip", None) is not None
        count = torch.cuda.device_count() if built and torch.cuda.is_available() else 0
        return cls(
            cuda_devices=count,
            cuda_name=torch.cuda.get_device_name(0) if count else "",
            cuda_capability=torch.cuda.get_device_capability(0) if count else (0, 0),
            cuda_built=built,
            mps=torch.backends.mps.is_available(),
            mps_autocast=torch.amp.is_autocast_available("mps"),
            torch_version=torch.__version__,
            threads=torch.get_num_threads(),
        )


@dataclass(frozen=True)
class DeviceChoice:
    """Where a model runs.

    Attributes
    ----------
    device : str
        As torch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    precision : str
        Number format of the image encoder.
    reason : str
        One line for the user.
    """

    device: str
    precision: str
    reason: str

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the image encoder as a torch type."""
        return PRECISIONS[self.precision]

    @property
    def kind(self) -> str:
        """The device without its number."""
        return self.device.partition(":")[0]

    def __str__(self) -> str:
        """Return the line that the widget and the command line show."""
        return f"{self.device}, {self.precision} encoder ({self.reason})"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of torch means that memory ran out.

    Only CUDA has a type of its own for it; Metal and the CPU's allocator say it in words.
    """
    words = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    )


def choose_device(
    device: str = "auto", precision: str = "auto", report: DeviceReport | None = None
) -> DeviceChoice:
    """Choose device and number format.

    Parameters
    ----------
    device : str
        ``auto`` (CUDA, then MPS, then the CPU), or a name that must be usable.
    precision : str
        ``auto`` (bfloat16 or float16 on CUDA devices that are fast in them, float32 elsewhere),
        or one of `PRECISIONS`, also as ``fp32``, ``fp16``, ``bf16``.
    report : DeviceReport, optional
        What the machine offers; asked for where it is left out.

    Returns
    -------
    DeviceChoice
        With the reason.

    Raises
    ------
    DeviceError
        The device is unknown or not usable here, or the precision is unknown or not of the device.
    """
    report = report or DeviceReport.of_this_machine()
    precision = _SHORT.get(precision, precision)
    if precision not in ("auto", *PRECISIONS):
        raise DeviceError(f"precision {precision!r} is unknown; use auto, {', '.join(PRECISIONS)}")
    name, reason = _automatic(report) if device == "auto" else _asked_for(device, report)
    if precision == "auto":
        precision = _automatic_precision(name, report)
    if name == "mps" and precision != "float32" and not report.mps_autocast:
        raise DeviceError(
            f"torch {report.torch_version} cannot encode in {precision} on Apple GPUs; take "
            "precision 'float32' or 'auto', or install torch 2.5 or newer"
        )
    return DeviceChoice(name, precision, reason)


def _automatic(report: DeviceReport) -> tuple[str, str]:
    if report.cuda_devices:
        return "cuda", report.cuda_name or "first CUDA device"
    if report.mps:
        return "mps", "Apple GPU"
    return "cpu", _why_no_gpu(report)


def _why_no_gpu(report: DeviceReport) -> str:
    if not report.cuda_built:
        return (
            f"torch {report.torch_version} is built without CUDA; with an NVIDIA GPU, install a "
            "CUDA build: https://pytorch.org/get-started/locally"
        )
    return "torch has CUDA but finds no usable GPU; check the driver with nvidia-smi"


def _asked_for(device: str, report: DeviceReport) -> tuple[str, str]:
    kind, _, number = device.partition(":")
    numbered = ":" in device
    if kind not in ("cpu", "cuda", "mps") or (
        numbered and (kind != "cuda" or not number.isdecimal())
    ):
        raise DeviceError(f"device {device!r} is unknown; use auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not report.cuda_devices:
        raise DeviceError(f"device {device!r} is not usable: {_why_no_gpu(report)}")
    if kind == "cuda" and number and int(number) >= report.cuda_devices:
        raise DeviceError(
            f"device {device!r} does not exist: this machine has {report.cuda_devices}, "
            "counted from cuda:0"
        )
    if kind == "mps" and not report.mps:
        raise DeviceError("device 'mps' is not usable: it needs macOS on Apple silicon")
    return device, "as asked for"


def _automatic_precision(device: str, report: DeviceReport) -> str:
    if not device.startswith("cuda"):
        return "float32"
    if report.cuda_capability >= _BF16_CAPABILITY:
        return "bfloat16"
    return "float16" if report.cuda_capability >= _FP16_CAPABILITY else "float32"
