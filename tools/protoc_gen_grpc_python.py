"""A protoc plugin around the generator that is built into grpcio-tools, so that `buf generate` can call it.

Reads a `CodeGeneratorRequest` on stdin and writes a `CodeGeneratorResponse` on stdout, as described in
https://protobuf.dev/reference/cpp/api-docs/google.protobuf.compiler.plugin.pb/.
"""

import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from grpc_tools import protoc

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def wrong_version() -> str | None:
    """Returns an error if another version of grpcio-tools is installed than the one in pyproject.toml.

    The code of a newer one refuses the older versions of grpcio that pyproject.toml allows.
    """
    pinned = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]["dev"]
    installed = f"grpcio-tools=={metadata.version('grpcio-tools')}"
    if installed in pinned:
        return None
    wanted = next((name for name in pinned if name.startswith("grpcio-tools")), "none")
    return f"{installed} is installed, but pyproject.toml wants {wanted}: run tools/install --dev"


def respond(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Generates `*_pb2_grpc.py` for every file of the request that declares a service."""
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    with_services = {file.name for file in request.proto_file if file.service}
    wanted = [name for name in request.file_to_generate if name in with_services]
    if error := wrong_version():
        response.error = error
        return response
    if not wanted:
        return response
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(descriptor_pb2.FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        status: int = protoc.main(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}", *wanted]
        )
        if status != 0:
            response.error = f"grpc_tools.protoc exited with {status}"
            return response
        for path in sorted(out.rglob("*.py")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
    return response


if __name__ == "__main__":
    raw = sys.stdin.buffer.read()
    answer = respond(plugin_pb2.CodeGeneratorRequest.FromString(raw))
    sys.stdout.buffer.write(answer.SerializeToString())
