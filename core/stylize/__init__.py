"""stylize: neural style transfer, composed from plugins.

Everything that users import is here. Names are loaded on first use, so that importing the
package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; `_MODULES` below tells Python the same
    from stylize.analysis import LayerActivations as LayerActivations
    from stylize.analysis import analyze_activations as analyze_activations
    from stylize.api import create_backbone as create_backbone
    from stylize.api import create_loss as create_loss
    from stylize.api import create_method as create_method
    from stylize.api import create_smoothing as create_smoothing
    from stylize.api import get_spec as get_spec
    from stylize.api import list_backbones as list_backbones
    from stylize.api import list_losses as list_losses
    from stylize.api import list_methods as list_methods
    from stylize.api import list_models as list_models
    from stylize.api import list_presets as list_presets
    from stylize.api import list_smoothings as list_smoothings
    from stylize.api import stylize_image as stylize_image
    from stylize.api import stylize_video as stylize_video
    from stylize.calibration import Calibration as Calibration
    from stylize.calibration import calibrate_gains as calibrate_gains
    from stylize.errors import StylizeError as StylizeError
    from stylize.evaluate import Evaluation as Evaluation
    from stylize.evaluate import evaluate_picture as evaluate_picture
    from stylize.hookspecs import hookimpl as hookimpl
    from stylize.images import read_image as read_image
    from stylize.judge import Judge as Judge
    from stylize.judge import Verdict as Verdict
    from stylize.pictures import Result as Result
    from stylize.pictures import Stylizer as Stylizer
    from stylize.plan import RunSettings as RunSettings
    from stylize.plan import make_settings as make_settings
    from stylize.plugins import PluginHost as PluginHost
    from stylize.protocols import Backbone as Backbone
    from stylize.protocols import LayerInfo as LayerInfo
    from stylize.protocols import Loss as Loss
    from stylize.protocols import Method as Method
    from stylize.protocols import Observer as Observer
    from stylize.protocols import Smoothing as Smoothing
    from stylize.protocols import Statistics as Statistics
    from stylize.protocols import StyleImage as StyleImage
    from stylize.protocols import TrainableMethod as TrainableMethod
    from stylize.protocols import TrainingTask as TrainingTask
    from stylize.run import Clip as Clip
    from stylize.run import Progress as Progress
    from stylize.run import Run as Run
    from stylize.settings import Settings as Settings
    from stylize.spec import BackboneSpec as BackboneSpec
    from stylize.spec import Kind as Kind
    from stylize.spec import LossSpec as LossSpec
    from stylize.spec import MethodSpec as MethodSpec
    from stylize.spec import ModelSpec as ModelSpec
    from stylize.spec import PresetSpec as PresetSpec
    from stylize.spec import Role as Role
    from stylize.spec import SmoothingSpec as SmoothingSpec
    from stylize.spec import WeightsSpec as WeightsSpec
    from stylize.video.clip import ClipStylizer as ClipStylizer
    from stylize.video.evaluation import VideoEvaluation as VideoEvaluation
    from stylize.video.evaluation import evaluate_video as evaluate_video
    from stylize.video.making import VideoResult as VideoResult
    from stylize.video.settings import VideoSettings as VideoSettings
    from stylize.video.temporal import TemporalSettings as TemporalSettings
    from stylize.weights import Weights as Weights

_MODULES = {
    "stylize.analysis": ("LayerActivations", "analyze_activations"),
    "stylize.api": (
        "create_backbone",
        "create_loss",
        "create_method",
        "create_smoothing",
        "get_spec",
        "list_backbones",
        "list_losses",
        "list_methods",
        "list_models",
        "list_presets",
        "list_smoothings",
        "stylize_image",
        "stylize_video",
    ),
    "stylize.calibration": ("Calibration", "calibrate_gains"),
    "stylize.errors": ("StylizeError",),
    "stylize.evaluate": ("Evaluation", "evaluate_picture"),
    "stylize.hookspecs": ("hookimpl",),
    "stylize.images": ("read_image",),
    "stylize.judge": ("Judge", "Verdict"),
    "stylize.pictures": ("Result", "Stylizer"),
    "stylize.plan": ("RunSettings", "make_settings"),
    "stylize.plugins": ("PluginHost",),
    "stylize.protocols": (
        "Backbone",
        "LayerInfo",
        "Loss",
        "Method",
        "Observer",
        "Smoothing",
        "Statistics",
        "StyleImage",
        "TrainableMethod",
        "TrainingTask",
    ),
    "stylize.run": ("Clip", "Progress", "Run"),
    "stylize.settings": ("Settings",),
    "stylize.spec": (
        "BackboneSpec",
        "Kind",
        "LossSpec",
        "MethodSpec",
        "ModelSpec",
        "PresetSpec",
        "Role",
        "SmoothingSpec",
        "WeightsSpec",
    ),
    "stylize.video.making": ("VideoResult",),
    "stylize.video.settings": ("VideoSettings",),
    "stylize.video.temporal": ("TemporalSettings",),
    "stylize.video.clip": ("ClipStylizer",),
    "stylize.video.evaluation": ("VideoEvaluation", "evaluate_video"),
    "stylize.weights": ("Weights",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stylize' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOME)
