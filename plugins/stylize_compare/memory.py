"""The peak of memory while a picture was made, if the system reports it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["PeakMemory"]

# Linux: writing 5 to the first file resets the peak in the second to the memory now in use.
RESET = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


class PeakMemory:
    """Measures from its creation until it is asked.

    Args:
        device: by torch's name. On CUDA the peak is what torch had allocated there. Otherwise it is
            the memory of the whole process, with libraries and networks, which Linux reports.
    """

    def __init__(self, device: str) -> None:
        import torch

        self._cuda = torch.device(device) if device.startswith("cuda") else None
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
            return
        try:
            RESET.write_text("5")
        except OSError:  # another system, or a container that forbids it
            self._told = False
        else:
            self._told = True

    def megabytes(self) -> float | None:
        """Return the peak in MB of 1,000,000 bytes; None if the system does not report it."""
        if self._cuda is not None:
            import torch

            return round(torch.cuda.max_memory_allocated(self._cuda) / 1e6, 1)
        if not self._told:
            return None
        lines = STATUS.read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return round(int(kilobytes) * 1024 / 1e6, 1)
