"""The processes that train one model: several if `torchrun` starts them, otherwise one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel

from impls.errors import UsageError


@dataclass(frozen=True)
class Processes:
    """The place of this process among all of them.

    Attributes:
        rank: number of this process; process 0 writes files.
        size: number of processes.
        device: where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> Processes:
        """Connect to the other processes, if `torchrun` started any.

        Args:
            device: "auto", "cpu", "mps", "cuda" (each process takes its own GPU) or "cuda:N".

        Raises:
            UsageError: the device is not there.
        """
        rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        chosen = find_device(device)
        if "RANK" in os.environ:
            dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        return cls(rank, size, chosen)

    def meet(self) -> None:
        """Wait for the other processes, so that no process leaves while another process still sends to it."""
        if dist.is_initialized():
            dist.barrier()

    def leave(self) -> None:
        """End the connection to the other processes."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def wrap(self, model: Module) -> Module:
        """Wrap the model, so that its gradients are averaged over all processes."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=[self.device] if self.device.type == "cuda" else None)

    def gather(self, loss: torch.Tensor, stop: bool) -> tuple[float, bool]:
        """Return the loss, float32[], averaged over all processes, and whether any process has to stop."""
        values = torch.stack([loss.float(), torch.tensor(float(stop), device=loss.device)])
        if self.size > 1:
            dist.all_reduce(values)
        mean, stops = values.tolist()
        return mean / self.size, stops > 0


DEVICES = r"auto|cpu|mps|cuda(:\d+)?"
"""The names of devices."""


def find_device(name: str, field: str = "training.device") -> torch.device:
    """Return the device called `name`; "auto" is the GPU of this process if there are GPUs, otherwise the CPU.

    Args:
        name: of the device.
        field: where the name was given, for error messages.

    Raises:
        UsageError: the device is not there; the message lists the devices of this machine.
    """
    if not re.fullmatch(DEVICES, name):
        raise UsageError(f"{field}: {name!r} is not a device; give auto, cpu, mps, cuda or cuda:N")
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if name == "cuda":
        name = f"cuda:{local_rank}"
    device = torch.device(name)
    if (device.index or 0) >= there[device.type]:
        devices = ", ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in there.items() if count)
        raise UsageError(f"{field}: this machine has no {name}; choose one of {devices}")
    return device
