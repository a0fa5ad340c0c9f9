#!/bin/bash
# orchestrate.sh [PART...]: chains and fans of stages that write one byte, run by refit and by its peers; parts are
# chain, fan, hash, tree, idle (all if none is named). STAGES="8 100 1000 10000" says how many. BIN is build/<mode>.
#
# Each tool does the same work from the same files: make and ninja record nothing that survives a crash (ninja writes a
# log, unsynced), snakemake keeps metadata unsynced; refit hashes, syncs and records. Snakemake is asked for 8 and 100
# stages, its time a stage does not change beyond. Where a peer is not installed its column says so.
cd "$(dirname "$0")/.." || exit 1
B=$PWD/${BIN:-build/release}
STAGES=${STAGES:-8 100 1000 10000}
SNAKEMAKE_MAX=${SNAKEMAKE_MAX:-100}
REFIT=$B/bin/refit
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
parts=${*:-chain fan hash tree idle}
wants() { case " $parts " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
has() { command -v "$1" >/dev/null 2>&1; }
# median wall time in ms and peak memory in MB of RUNS COMMAND...
measure() { "$B/bench/measure" "$@" 2>>"$t/log" || echo 'failed failed'; }
each() { awk -v a="$1" -v n="$2" 'BEGIN { if (a + 0 > 0) printf "%.2f", a / n; else print a }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 > 0 && b + 0 > 0) printf "%.1f x", b / a; else print "-" }'; }

# write KIND N: one directory with the same pipeline for each tool
write() {
    awk -v kind="$1" -v n="$2" -v byte="$B/bench/byte" 'BEGIN {
        print "refit: 1\nname: bench\nstages:" >"pipeline.yaml"
        print "rule byte\n  command = " byte " $in $out" >"build.ninja"
        printf "all:" >"Makefile"
        for (i = 1; i <= n; i++) printf " work/%d", i >"Makefile"
        print "" >"Makefile"
        printf "rule all:\n    input: expand(\"work/{i}\", i=range(1, %d))\n", n + 1 >"Snakefile"
        for (i = 1; i <= n; i++) {
            from = i == 1 || kind == "fan" ? "seed" : "work/" (i - 1)
            printf "  s%d:\n    cmd: [%s, \"${deps.in}\", \"${outs.out}\"]\n    deps: {in: %s}\n    outs: {out: work/%d}\n", i, byte, from, i >"pipeline.yaml"
            printf "build work/%d: byte %s\n", i, from >"build.ninja"
            printf "work/%d: %s; %s $< $@\n", i, from, byte >"Makefile"
            printf "rule s%d:\n    input: \"%s\"\n    output: \"work/%d\"\n    shell: \"%s {input} {output}\"\n", i, from, i, byte >"Snakefile"
        }
    }'
    echo 1 >seed
}
command_of() { # TOOL: what it runs
    case $1 in
    refit) echo "$REFIT run -q" ;;
    make) echo "make -s -j$(nproc)" ;;
    ninja) echo 'ninja --quiet' ;;
    snakemake) echo "snakemake -q -c$(nproc) --nolock" ;;
    esac
}
rounds() { [ "$1" -le 100 ] && echo 5 || echo 1; }

if wants chain || wants fan; then
    printf '%-6s %6s  %-10s %10s %12s %9s %10s %9s %9s\n' '' stages tool 'run ms' 'ms/stage' MB 'no-op ms' MB 'to refit'
    for kind in chain fan; do
        wants $kind || continue
        for n in $STAGES; do
            mkdir -p "$t/$kind$n" && cd "$t/$kind$n" || exit 1
            write $kind "$n"
            for tool in refit make ninja snakemake; do
                has $tool || [ $tool = refit ] || { printf '%-6s %6d  %-10s %10s\n' $kind "$n" $tool 'not here'; continue; }
                [ $tool = snakemake ] && [ "$n" -gt "$SNAKEMAKE_MAX" ] && continue
                cmd=$(command_of $tool)
                printf '#!/bin/sh\nrm -rf work .refit .ninja_log .ninja_deps .snakemake; mkdir work; exec %s >/dev/null\n' "$cmd" >fresh
                printf '#!/bin/sh\nexec %s >/dev/null\n' "$cmd" >again
                chmod +x fresh again
                # the first run of `measure` is not counted: of many stages one is enough
                read -r run run_mb <<<"$(measure "$(rounds "$n")" ./fresh)"
                read -r noop noop_mb <<<"$(measure 5 ./again)"
                [ $tool = refit ] && ours=$run
                printf '%-6s %6d  %-10s %10s %12s %9s %10s %9s %9s\n' $kind "$n" $tool "$run" "$(each "$run" "$n")" "$run_mb" "$noop" "$noop_mb" "$(ratio "$ours" "$run")"
            done
            cd "$t" && rm -rf "${t:?}/$kind$n"
        done
    done
fi

# A stage that reads files and writes nothing big: what is left is the hashing of its inputs. $1: how many MB in $2 files
hash_time() {
    rm -rf "$t/h" && mkdir -p "$t/h/in" && cd "$t/h" || exit 1
    for i in $(seq "$2"); do head -c $(($1 * 1000000 / $2)) /dev/urandom >"in/$i"; done
    printf 'refit: 1\nname: h\nstages:\n  s: {cmd: [cp, seed, "${outs.o}"], deps: {seed: seed, in: in}, outs: {o: work/o}}\n' >pipeline.yaml
    echo 1 >seed && mkdir work
    printf '#!/bin/sh\nrm -rf .refit work/o; exec %s run -q\n' "$REFIT" >fresh && chmod +x fresh
    measure 3 ./fresh | cut -d' ' -f1
}
speed() { awk -v mb="$1" -v ms="$2" 'BEGIN { if (ms + 0 > 0) printf "%.2f GB/s", mb / ms; else print "failed" }'; }
if wants hash; then
    one=$(hash_time 1000 1) all=$(hash_time 1000 16)
    cd "$t/h" || exit 1
    sums=$(measure 3 sh -c 'cat in/* | sha256sum >/dev/null' | cut -d' ' -f1)
    both=$(measure 3 sh -c "ls in/* | xargs -P$(nproc) -n4 sha256sum >/dev/null" | cut -d' ' -f1)
    printf '\nhashing 1 GB in the page cache, SHA-256: refit, one file %s; 16 files on %d processors %s; sha256sum %s; %d at once %s\n' \
        "$(speed 1000 "$one")" "$(nproc)" "$(speed 1000 "$all")" "$(speed 1000 "$sums")" "$(nproc)" "$(speed 1000 "$both")"
    rm -rf "$t/h"
fi

# A tree of unchanged files: 10 GB that take no room (holes), in 10,000 files of 1 MB, hashed once for good.
if wants tree; then
    mkdir -p "$t/tree/in" && cd "$t/tree" || exit 1
    for d in $(seq 100); do mkdir "in/$d" && (cd "in/$d" && seq 100 | xargs truncate -s 1M); done
    printf 'refit: 1\nname: tree\nstages:\n  s: {cmd: [cp, seed, "${outs.o}"], deps: {seed: seed, in: in}, outs: {o: work/o}}\n' >pipeline.yaml
    echo 1 >seed && mkdir work && sleep 0.1
    start=$(date +%s%N) && "$REFIT" run -q && first=$((($(date +%s%N) - start) / 1000000))
    printf '\n10 GB in 10,000 files: hashed in %s ms (%s), seen unchanged in %s ms; find -size +0 %s ms\n' "$first" \
        "$(speed 10486 "$first")" "$(measure 5 "$REFIT" run -q | cut -d' ' -f1)" "$(measure 5 sh -c 'find in -size +0 >/dev/null' | cut -d' ' -f1)"
    cd "$t" && rm -rf "$t/tree"
fi

# The daemon with nothing to do, for a minute: wake-ups are the system calls that it makes.
if wants idle && "$REFIT" daemon --help >/dev/null 2>&1; then
    mkdir -p "$t/idle" && cd "$t/idle" || exit 1
    printf 'refit: 1\nname: idle\nschedule: [{weekly: monday 03:00}]\nstages:\n  s: {cmd: "true"}\n' >pipeline.yaml
    "$REFIT" daemon >/dev/null 2>&1 &
    pid=$!
    sleep 5
    calls=$(timeout 60 strace -f -c -p $pid 2>&1 >/dev/null | awk '$NF == "total" { print $(NF - 1) }')
    printf '\ndaemon, idle for a minute: %s system calls, %s kB resident\n' "${calls:-0}" "$(awk '/VmRSS/ { print $2 }' /proc/$pid/status)"
    kill $pid
    wait $pid
fi
