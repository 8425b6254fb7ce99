"""Functions: the model's own, and operators that ONNX defines by others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swiftvis.importers.program import Value


class Functions:
    def __init__(self, model: Any) -> None:
        self._local = {(f.domain, f.name, f.overload): f for f in model.functions}

    def local(self, node: Any) -> Any | None:
        """The model's own function of that name."""
        return self._local.get((node.domain, node.op_type, node.overload))

    def of_operator(self, node: Any, opset: int, inputs: Sequence[Value | None]) -> Any | None:
        """The body that ONNX gives an operator; None where it has none."""
        from onnx import FunctionProto, defs, helper

        try:
            schema = defs.get_schema(node.op_type, opset, "")
        except defs.SchemaError:
            return None
        if schema.has_function:
            return schema.function_body
        if not schema.has_context_dependent_function:
            return None
        known = [value for value in inputs if value is not None]
        if len(known) != sum(map(bool, node.input)):
            return None
        types, left = [], iter(known)
        for name in node.input:
            value = next(left) if name else None
            if value is None:
                types.append(helper.make_empty_tensor_value_info("").type.SerializeToString())
                continue
            code = 1 if value.array is None else helper.np_dtype_to_tensor_dtype(value.array.dtype)
            shape = [f"open{i}" if size is None else size for i, size in enumerate(value.shape)]
            types.append(helper.make_tensor_type_proto(code, shape).SerializeToString())
        try:
            text = schema.get_context_dependent_function_with_opset_version(
                opset, node.SerializeToString(), types
            )
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return None
        return FunctionProto.FromString(text) if text else None

    def bound(self, body: Any, call: Any) -> list[Any]:
        """The nodes of a function with the attributes of one call."""
        from onnx import NodeProto

        given = {attribute.name: attribute for attribute in body.attribute_proto}
        given.update({attribute.name: attribute for attribute in call.attribute})
        nodes = []
        for node in body.node:
            if not any(attribute.ref_attr_name for attribute in node.attribute):
                nodes.append(node)
                continue
            copy = NodeProto()
            copy.CopyFrom(node)
            del copy.attribute[:]
            for attribute in node.attribute:
                source = given.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
                if source is not None:
                    copy.attribute.add().CopyFrom(source)
                    copy.attribute[-1].name = attribute.name
            nodes.append(copy)
        return nodes
