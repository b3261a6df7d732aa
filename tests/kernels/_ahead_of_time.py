"""Compile Triton kernels without a GPU; run as a script in a process of its own.

``python _ahead_of_time.py MODULE...`` prints one line of JSON for each variant and capability. A module
lists its variants in ``VARIANTS``: (name, jit function, signature, constexprs, options), where the
signature gives a type such as ``*fp32`` or ``i32`` to every argument that is not in ``constexprs``;
``*fp32:16`` says that it is divisible by 16, as a launch finds most pointers and strides to be.
"""

import importlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CAPABILITIES = (80, 90)


def compile_for(function, signature, constexprs, options, capability):
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    types = {name: "constexpr" if name in constexprs else signature[name] for name in function.arg_names}
    divisible = [i for i, kind in enumerate(types.values()) if kind.endswith(":16")]
    source = ASTSource(
        fn=function,
        signature={name: kind.removesuffix(":16") for name, kind in types.items()},
        constexprs=constexprs,
        attrs={(i,): [["tt.divisibility", 16]] for i in divisible},
    )
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    ptx = built.asm["ptx"]
    # copies that may still be on their way when a loop goes on
    behind = [int(n) for n in re.findall(r"async_wait .*num = (\d+)", built.asm["ttgir"])]
    return {
        "shared": built.metadata.shared,
        "wgmma": "wgmma" in ptx,
        "mma": "mma.sync" in ptx,
        "ahead": max(behind, default=0),
        "rescaled": powers_of_differences(ptx),
        "stack": stack(built.asm["cubin"]),
    }


def powers_of_differences(ptx):
    """Return how many powers of 2 have an exponent that is a difference, not a product less a number.

    Of equal numbers the first is 0 and the power 1; the second is what a rounded product left out.
    """
    made_by = {to: operation for operation, to in re.findall(r"^\s+(\S+)\s+(%[rf]\d+),", ptx, re.MULTILINE)}
    exponents = re.findall(r"ex2\.approx\S*\s+%\w+,\s*(%\w+)", ptx)
    return sum(made_by.get(register, "").startswith("sub") for register in exponents)


def stack(cubin):
    """Return the bytes of memory that a thread needs for what its registers do not hold."""
    import triton

    look = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        said = subprocess.run([look, "-res-usage", file.name], capture_output=True, text=True, check=True)
    return int(re.search(r"STACK:(\d+)", said.stdout)[1])


def main(modules):
    for module in modules:
        for name, *variant in importlib.import_module(module).VARIANTS:
            for capability in CAPABILITIES:
                row = {"module": module, "name": name, "capability": capability}
                try:
                    row |= compile_for(*variant, capability)
                except Exception as error:
                    row["error"] = f"{type(error).__name__}: {error}"
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
