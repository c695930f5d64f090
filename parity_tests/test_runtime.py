"""The settings made when Paddle is imported, in fresh interpreters, and the numbers with all of them on."""

import json
import os
import platform
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from paddle_tsm import runtime
from paddle_tsm.cli import main
from paddle_tsm.commands import doctor
from paddle_tsm.runtime import mkl_trial

NAMES = ("threads", "mkl", "malloc", "onednn")
AMD = ("AuthenticAMD", frozenset({"avx2", "fma"}))
SHOW = "import json, paddle_tsm.runtime as r; print(json.dumps({s.name: [s.state, s.value] for s in r.states()}))\n"
several = pytest.mark.skipif(runtime.processors() < 2, reason="needs two processors")
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


def fresh(code, **environment):
    """`code` in a new interpreter without the settings that this one inherited or made."""
    clean = {
        key: value for key, value in os.environ.items() if key not in (*doctor.USER_VARIABLES, "PADDLE_TSM_WITHOUT")
    }
    done = subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean | environment,
    )
    assert done.returncode == 0, done.stderr
    return done


def late_warnings(done):
    return [line for line in done.stderr.splitlines() if "LateImportWarning:" in line]


@several
def test_imported_first():
    use = "print(os.environ['OMP_NUM_THREADS'], paddle.ones([2]).sum().item())"
    done = fresh("import paddle_tsm, paddle, os\n" + SHOW + use)
    states = json.loads(done.stdout.splitlines()[0])
    assert states["threads"] == ["on", str(runtime.processors())]
    assert all(state in ("on", "not for this machine") for state, _ in states.values()) and tuple(states) == NAMES
    assert done.stdout.splitlines()[1] == f"{runtime.processors()} 2.0", "import paddle has changed the threads"
    assert not late_warnings(done)


@several
def test_late_says_so_once():
    done = fresh(
        "import paddle\nimport paddle_tsm\npaddle_tsm.runtime.prepare()\nimport paddle_tsm.models.layers.shift\n" + SHOW
    )
    assert json.loads(done.stdout)["threads"] == ["too late", "1"]
    assert len(late_warnings(done)) == 1 and "Import paddle_tsm first" in late_warnings(done)[0]


def test_late_is_silent_where_nothing_is_lost():
    """The user chose the threads, and MKL, which reads its variable at the first product, is not loaded yet."""
    done = fresh("import paddle\nimport paddle_tsm\n" + SHOW, OMP_NUM_THREADS="1")
    assert not late_warnings(done)
    assert json.loads(done.stdout)["threads"][1] == "1" and json.loads(done.stdout)["mkl"][0] != "too late"


@pytest.mark.skipif(runtime._processor()[0] != AMD[0], reason="needs an AMD processor")
def test_late_for_mkl():
    product = "import paddle\npaddle.ones([9, 9]) @ paddle.ones([9, 9])\n"
    done = fresh(product + "import paddle_tsm\n" + SHOW, OMP_NUM_THREADS="1")
    assert json.loads(done.stdout)["mkl"] == ["too late", "-"]
    assert len(late_warnings(done)) == 1 and "mkl" in late_warnings(done)[0] and "threads" not in late_warnings(done)[0]


def test_the_users_values_win():
    tunable = "glibc.malloc.mmap_threshold=131072"
    theirs = {"OMP_NUM_THREADS": "1", "MKL_DEBUG_CPU_TYPE": "3", "GLIBC_TUNABLES": tunable}
    show = f"print(json.dumps({{key: os.environ[key] for key in {list(theirs)}}}))"
    done = fresh("import paddle_tsm, os\n" + SHOW + show, **theirs)
    states, environment = map(json.loads, done.stdout.splitlines())
    assert environment == theirs
    assert states["mkl"] == ["off", "3"] and states["threads"][1] == "1" and states["malloc"][0] != "on"


def test_a_setting_can_be_left_out():
    show = "print('OMP_NUM_THREADS' in os.environ)"
    done = fresh("import paddle_tsm, os\n" + SHOW + show, PADDLE_TSM_WITHOUT="threads,mkl,mallok")
    assert [json.loads(done.stdout.splitlines()[0])[name][0] for name in NAMES[:2]] == ["off", "off"]
    assert done.stdout.splitlines()[1] == "False"
    assert "PADDLE_TSM_WITHOUT: got mallok, wanted some of threads, mkl, malloc" in done.stderr


@glibc
@pytest.mark.parametrize("without, kept", [("", True), ("malloc", False)])
def test_freed_blocks_are_kept(without, kept):
    """Twenty blocks of 64 MiB, one after the other: pages are mapped for the first one, or for each."""
    done = fresh(
        """
import paddle_tsm, paddle, resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    b"a" * int(2**26)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / 2**26)
""",
        PADDLE_TSM_WITHOUT=without,
    )
    assert (float(done.stdout) < 2) == kept, f"{done.stdout} blocks of page faults"


@pytest.mark.parametrize(
    "processor, expected",
    [
        (AMD, (runtime.ON, "5")),
        (("GenuineIntel", AMD[1]), (runtime.NOT_HERE, "-")),
        ((AMD[0], frozenset({"avx"})), (runtime.NOT_HERE, "-")),
    ],
)
def test_mkl_is_told_on_amd_only(monkeypatch, processor, expected):
    monkeypatch.setattr(runtime, "_processor", lambda: processor)
    monkeypatch.setattr(runtime, "read_proc", lambda path: "")
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "")  # so that it is put back
    monkeypatch.delenv("MKL_DEBUG_CPU_TYPE")
    assert runtime._mkl()[:2] == expected
    assert os.environ.get("MKL_DEBUG_CPU_TYPE") == (None if expected[1] == "-" else expected[1])


NEWER = (AMD[0], AMD[1] | mkl_trial.AVX512)


@pytest.mark.parametrize("survives, value, why", [
    (True, "7", "AVX-512 on AMD"),
    (False, "5", "AVX2 on AMD: a trial of AVX-512 failed"),
])  # fmt: skip
def test_avx512_is_tried_once_and_remembered(monkeypatch, tmp_path, survives, value, why):
    tried = []
    monkeypatch.setattr(runtime, "_processor", lambda: NEWER)
    monkeypatch.setattr(runtime, "read_proc", lambda path: "")
    monkeypatch.setattr(mkl_trial, "survives", lambda library: tried.append(library) or survives)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):
        monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "")
        monkeypatch.delenv("MKL_DEBUG_CPU_TYPE")
        assert runtime._mkl() == (runtime.ON, value, why)
    assert len(tried) == 1 and tried[0].name == "libmklml_intel.so"

    def runs(flag):
        return mkl_trial.runs_avx512(tried[0], NEWER[0], NEWER[1] | {flag})

    assert runs("another") == survives and len(tried) == 2, "another processor is tried by itself"
    monkeypatch.setattr(mkl_trial, "survives", lambda library: tried.append(library))  # as if it could not be run
    assert not runs("a third") and not runs("a third") and len(tried) == 4, "and is not remembered"
    monkeypatch.setattr(mkl_trial, "survives", lambda library: tried.append(library) or survives)
    (tmp_path / "paddle-tsm" / "avx512.json").write_text("no JSON")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")  # where nothing can be written
    assert runs("a third") == survives and len(tried) == 5


def test_what_tries_a_path_of_mkl(monkeypatch):
    """On this machine's own path the products are right; a wrong value and a missing library are seen."""
    library = Path(paddle_folder(), runtime.MKL)
    assert not mkl_trial.survives(Path("nowhere", "missing.so"))
    own = {name: value for name, value in os.environ.items() if name != "MKL_DEBUG_CPU_TYPE"}
    for program, code in ((mkl_trial.PRODUCTS, 0), (mkl_trial.PRODUCTS.replace("2 * k for", "3 * k for"), 1)):
        done = subprocess.run([sys.executable, "-I", "-c", program, str(library)], capture_output=True, env=own)
        assert done.returncode == code, done.stderr


def paddle_folder():
    return PathFinder.find_spec("paddle").submodule_search_locations[0]


@pytest.mark.parametrize("system, libc", [("Darwin", ("", "")), ("Windows", ("", "")), ("Linux", ("musl", "1.2"))])
def test_other_systems(monkeypatch, system, libc):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "libc_ver", lambda *_: libc)
    runtime._processor.cache_clear()
    monkeypatch.setattr(runtime, "read_proc", lambda path: "")  # no /proc
    monkeypatch.setattr(runtime, "ONEDNN", "libs/of_another_system")
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
        monkeypatch.delenv(name)
    monkeypatch.setattr(runtime, "_states", {})
    try:
        runtime.prepare()
        assert [state.state for state in runtime.states()[1:]] == [runtime.NOT_HERE] * 3
        assert "MKL_DEBUG_CPU_TYPE" not in os.environ
    finally:
        runtime._processor.cache_clear()


PARITY = """
import paddle_tsm, torch, torch_ref, paddle, numpy as np, hashlib
x = np.random.default_rng(0).standard_normal((8, 3, 64, 64))
ours, reference = paddle_tsm.load_model({file!r}), torch_ref.load_model({file!r})
ours.double(), reference.double()
digest = hashlib.sha256()
for train in (False, True):
    for layer in (*(ours.sublayers(include_self=True)), *reference.modules()):
        layer.training = train and "Dropout" not in type(layer).__name__
    p, q = paddle.to_tensor(x, stop_gradient=False), torch.from_numpy(x).requires_grad_()
    logits, expected = ours(p), reference(q)
    logits.square().sum().backward(), expected.square().sum().backward()
    for a, b in ((logits.numpy(), expected.detach().numpy()), (p.grad.numpy(), q.grad.numpy())):
        print(np.abs(a - b).max() / np.abs(b).max())
        digest.update(a.tobytes())
ours.float()
digest.update(ours(paddle.to_tensor(x.astype("float32"))).numpy().tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def parity_runs(r18_file):
    """The same run in two processes, with every setting on."""
    return [fresh(PARITY.format(file=str(r18_file))).stdout.splitlines() for _ in range(2)]


def test_float64_parity_with_every_setting(parity_runs):
    """Logits and input gradients against PyTorch, in evaluation and in training."""
    for run in parity_runs:
        assert len(run) == 5 and max(map(float, run[:4])) < 1e-10, run


def test_two_runs_agree_bit_for_bit(parity_runs):
    assert parity_runs[0][4] == parity_runs[1][4]


def test_forked_workers():
    """A DataLoader's workers run convolutions, products and shifts after the parent has used its threads."""
    done = fresh("""
import paddle_tsm, paddle, numpy as np
from paddle_tsm.models.layers.shift import temporal_shift
def work():
    x = paddle.nn.functional.conv2d(paddle.ones([8, 16, 56, 56]), paddle.ones([64, 16, 3, 3]), padding=1)
    return temporal_shift(x, 8).mean() + paddle.matmul(paddle.ones([500, 500]), paddle.ones([500, 500])).mean()
class Clips(paddle.io.Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return np.float32(work().item())
expected = work().item()
for batch in paddle.io.DataLoader(Clips(), batch_size=2, num_workers=2):
    values = batch[0] if isinstance(batch, (list, tuple)) else batch
    assert (values.numpy() == np.float32(expected)).all()
print("done")
""")
    assert done.stdout.strip() == "done"


def test_doctor_prints_every_setting(capsys):
    assert main(["doctor", "--no-measure"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in (*NAMES, "shift"):
        row = [line for line in lines if line.startswith(name)]
        assert len(row) == 1 and any(state in row[0] for state in (runtime.ON, runtime.OFF, runtime.NOT_HERE))


def test_doctor_measures(capsys):
    """Every setting that is for this machine gets a gain, and the shift beats Paddle's operator by far."""
    states = [runtime.State(name, runtime.ON, "", "") for name in ("malloc", "shift")]
    gains = doctor.measure(states, step=lambda what: None)
    assert set(gains) == {"malloc", "shift"} and all(" times (" in gain for gain in gains.values())
    assert float(gains["shift"].split()[0]) > 2


def test_doctor_says_in_one_line_why_it_could_not_measure(monkeypatch):
    monkeypatch.setattr(doctor.sys, "executable", "/bin/false" if os.path.exists("/bin/false") else "/usr/bin/false")
    with pytest.raises(ValueError, match="measuring malloc: .*--no-measure"):
        doctor.times_without("", ["malloc"])
