#!/bin/sh
# nn_start: OpenBLAS gets the kernels that the processor can run, by one restart, whatever the environment says.
. "$(dirname "$0")/tap.sh"
probe=$B/tests/tools/nn_probe
unset OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS OMP_NUM_THREADS

run "$probe"
case $out in *"avx2 yes"*) ;; *) skip_all "a processor without AVX2" ;; esac
is 'it starts' $rc 0
case $out in
*"avx512 yes"*) want='SkylakeX Cooperlake SapphireRapids' ;;
*) want='Haswell Zen SkylakeX Cooperlake SapphireRapids' ;;
esac
core=$(printf '%s\n' "$out" | sed -n 's/^core //p')
has 'kernels for this processor are chosen' " $want " " $core "
has 'denormals are flushed' "$out" 'denormals flushed'
has 'the guard does not reach programs that it starts' "$out" 'guard unset'

run env OPENBLAS_CORETYPE=Prescott "$probe" one 'two words' ''
is 'a wrong core type is corrected' "$rc $(printf '%s\n' "$out" | grep -c -i prescott)" '0 0'
has 'one line of the log says so' "$err" "OpenBLAS takes this processor for 'Prescott': starting again with OPENBLAS_CORETYPE="
is 'and only one' "$(printf '%s\n' "$err" | wc -l)" 1
has 'one thread for OpenBLAS after the restart' "$out" 'blas_threads 1'
has 'one thread for OpenMP after the restart' "$out" 'omp_threads 1'
has 'arguments survive the restart' "$out" "argument one
argument two words
argument "

run env OPENBLAS_CORETYPE=Prescott REFIT_NN_STARTED=1 "$probe"
is 'it restarts once at most' $rc 0
has 'and goes on with what there is' "$out" 'core Prescott'
has 'with a line in the log' "$err" "OpenBLAS runs kernels for 'Prescott'"
finish
