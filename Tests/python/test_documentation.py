"""Whatever the reference shows (`make docs`) has a docstring: every public module, class, function, method and property."""

import importlib
import inspect
import pkgutil

import swiftvis


def public_modules():
    """The package, what its `__all__` names, and their public submodules."""
    modules, rest = [], [swiftvis]
    while rest:
        module = rest.pop()
        modules.append(module)
        names = [name for _, name, _ in pkgutil.iter_modules(getattr(module, "__path__", []))]
        shown = getattr(module, "__all__", [name for name in names if not name.startswith("_")])
        rest += [importlib.import_module(f"{module.__name__}.{name}") for name in names if name in shown]
    return modules


def public_members(module):
    """(qualified name, object) of the functions and classes of a module, with the members of these."""
    shown = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        public = name in shown if shown is not None else not name.startswith("_")
        own = shown is not None or getattr(value, "__module__", None) == module.__name__
        if not (public and own and (inspect.isclass(value) or inspect.isroutine(value))):
            continue
        yield f"{module.__name__}.{name}", value
        if inspect.isclass(value):
            for member, found in vars(value).items():
                if not member.startswith("_") and (
                    callable(found) or isinstance(found, (property, classmethod))
                ):
                    # From the class, so that an override has the docstring of what it overrides.
                    yield f"{module.__name__}.{name}.{member}", getattr(value, member)


def test_everything_public_is_documented():
    missing = [module.__name__ for module in public_modules() if not module.__doc__]
    for module in public_modules():
        missing += [name for name, value in public_members(module) if not inspect.getdoc(value)]
    assert not missing


def test_the_members_are_found():
    names = {name for module in public_modules() for name, _ in public_members(module)}
    assert {
        "swiftvis.Model.gradient",
        "swiftvis.Model.input_shape",
        "swiftvis.losses.Loss.build_loss",
    } <= names
    assert "swiftvis.utils.utils.normalize" in names and len(names) > 150
