"""How many threads PyTorch uses, its BLAS included: OpenBLAS keeps a pool of its own, which torch.set_num_threads does not reach."""
import ctypes

import torch


def pools():
    """The OpenBLAS libraries of this process."""
    try:
        with open('/proc/self/maps') as maps:
            paths = {line.split()[-1] for line in maps if 'openblas' in line}
    except OSError:
        return []
    libraries = [ctypes.CDLL(path) for path in sorted(paths)]
    return [library for library in libraries if hasattr(library, 'openblas_set_num_threads')]


def use(threads):
    torch.set_num_threads(threads)
    for library in pools():
        library.openblas_set_num_threads(threads)
