"""The pages: what people see. They call the services as the API does, and render what comes back."""

from importlib import import_module
from pathlib import Path

from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """The routers of all pages: every module in this folder that has one."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    found = [module.router for module in modules if hasattr(module, "router")]
    return [import_module("app.web.static").router, *found]
