#!/usr/bin/env bash
# Environments for the packages that read NIR, ONNX and QONNX files, in .interop/ (or the folder named): their pins clash with each
# other's and with ours. What is there already is left alone. Afterwards verify_nir and nir_interop.py find them.
#
#   bash benchmarks/interop_environments.sh [FOLDER]
set -euo pipefail
folder=${1:-.interop}
torch=${TORCH:-torch==2.13.0} # any other way to get a CPU build of torch: TORCH="torch --index-url ..."

make() { # NAME
  [ -x "$folder/$1/bin/python" ] || python3 -m venv "$folder/$1"
}

install() { # NAME ARGUMENTS...
  local name=$1
  shift
  "$folder/$name/bin/pip" install -q "$@" || echo "$name: pip install $* failed" >&2
}

make torch
install torch $torch nir==1.0.8 'nirtorch>=2.6' numpy scipy matplotlib loguru pbr
install torch norse==1.1.0 snntorch==1.0.0
# Their other requirements are not needed to read NIR. sinabs pins an old nir, and samna runs an installer when imported.
install torch --no-deps spikingjelly==2.0.0 sinabs==3.1.3 rockpool==3.1.0 snn-mlir==1.0.0
make spyx
install spyx spyx==1.0.0 nir==1.0.8

make ort118 # the oldest onnxruntime that is promised
install ort118 onnxruntime==1.18.1 'numpy<2'
make ort123 # one whose int64 Max, Min and Clip are wrong
install ort123 onnxruntime==1.23.2
make openvino # takes int32 division and comparison through float32
install openvino openvino==2026.4.1
make fpga
install fpga qonnx==1.0.0 hls4ml==1.3.0

for tool in norse snntorch spikingjelly sinabs rockpool snn-mlir; do
  "$folder/torch/bin/python" -c "import importlib.metadata as m; print('$tool', m.version('$tool'))" || true
done
"$folder/spyx/bin/python" -c "import importlib.metadata as m; print('spyx', m.version('spyx'))" || true
"$folder/fpga/bin/python" -c "import importlib.metadata as m; print('qonnx', m.version('qonnx'), 'hls4ml', m.version('hls4ml'))" || true
