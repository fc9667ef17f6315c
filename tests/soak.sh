#!/bin/sh
# soak.sh [BUILD [SEEDS]] - numbered messages through each fault with SEEDS random seeds (20), against the programs in BUILD (made with TEST=1)
#
# Each run prints one line with its seed, so that a bad one can be had again. Exits 1 if any run was bad.
cd "$(dirname "$0")/.." || exit 1
RT_BIN=$(cd "${1:-build/test}" && pwd) || exit 1
seeds=${2:-20}
PYTHONDONTWRITEBYTECODE=1
export RT_BIN PYTHONDONTWRITEBYTECODE
bad=0
n=0
while [ "$n" -lt "$seeds" ]; do
	while read -r tool options; do
		# shellcheck disable=SC2086
		timeout -k 5 180 python3 "tests/tools/$tool.py" $options < /dev/null || { bad=$((bad + 1)); echo "BAD: $tool $options"; }
	done <<-'RUNS'
	hop --bus mem --faults kill,clients
	hop --bus test --faults kill,trim,hole,epoch,down,lag,unknown,refuse,stop
	checker --bus mem --faults kill,drain,stop,clients
	checker --bus test --faults kill,drain,stop,clients
	checker --bus mem --slow close --slow-readers --size 60000 --history 5
	checker --bus mem --slow skip --slow-readers --size 60000 --history 5
	checker --bus mem --slow latest --slow-readers --size 60000 --history 5
	checker --bus test --slow skip --slow-readers --size 60000 --history 5
	checker --bus test --slow latest --slow-readers --size 60000 --history 5 --faults trim,lag
	checker --bus test --faults trim,lag,clients
	checker --bus test --faults down,unknown,unsure,refuse,clients
	checker --bus test --faults hole,epoch,clients
	checker --bus test --instances 2 --faults kill,trim,hole,epoch,down,lag,unknown,unsure,clients
	checker --bus redis --faults kill,rkill,rcut,rstop,clients
	checker --bus redis+stream --instances 2 --faults kill,rkill,rcut,rstop,rtrim,rscript,clients
	hop --bus redis --faults kill,rkill,rcut
	hop --bus redis+stream --instances 2 --faults kill,rkill,rcut,rtrim,rflush
	RUNS
	n=$((n + 1))
done
echo "$n seeds, $bad bad runs"
[ "$bad" -eq 0 ]
