"""`stylize devices`: the devices that PyTorch sees, and the one that a run uses."""

from __future__ import annotations

import json

import torch

from command import FAST
from stylize import choose_device, choose_precision


def test_devices_are_listed_with_the_precision_and_its_reason(command):
    shown = command("devices")
    assert shown.code == 0
    assert shown.out.startswith(f"PyTorch {torch.__version__}, built ")
    told = json.loads(command("devices", "--json").out)
    cpu = next(device for device in told["devices"] if device["device"] == "cpu")
    chosen = choose_precision("auto", torch.device("cpu"))
    assert cpu["precision"] == str(chosen).removeprefix("torch.")
    assert f"  {cpu['precision']}, as {cpu['reason']}\n" in shown.out
    assert told["used"] == str(choose_device())


def test_the_reason_is_the_one_in_records(command):
    told = json.loads(command("devices", "--json").out)
    arguments = ("photo.png", "painting.png", *FAST, "--precision", "auto", "--json")
    (record,) = command(*arguments, "-o", "out.png").records
    used = next(device for device in told["devices"] if device["device"] == told["used"])
    assert record["precision"] == f"auto: {used['reason']}"
