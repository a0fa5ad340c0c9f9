#!/bin/sh
# lint.sh: format, static analysis, layer arrows, banned functions. Silent where all is well.
cd "$(dirname "$0")/.." || exit 1
bad=0
say() { echo "$1"; bad=1; }
c=$(git ls-files '*.c' '*.h')

# shellcheck disable=SC2086
clang-format --dry-run --Werror $c || say "clang-format: run clang-format -i on the files above"

# Arrows point downward only: what a layer may not include.
arrow() { # FILES PATTERN WORDS
    found=$(git grep -nE "#include \"($2)" -- $1) && say "$3
$found"
}
arrow 'common/base' 'num/|io/|models/|runner/|serve/' 'common/base uses nothing of ours:'
arrow 'common/num' 'io/|models/|runner/|serve/' 'common/num uses base alone:'
arrow 'common/io' 'models/|runner/|serve/' 'common/io uses base and num:'
arrow 'models' 'runner/|serve/' 'models know no runner:'
arrow 'stages' 'runner/|serve/' 'stages know no runner:'
arrow 'serve' 'runner/|stages/' 'what asks a model knows neither runner nor stages:'
arrow 'runner :!runner/helpers' 'models/|stages/|serve/|io/(h5|table|csv|image|text|tokens|pixels|sides|featmat|registry)' \
      'the runner knows stages by their command line alone:'
arrow 'runner/read' 'runner/(cli|commit|memory|notify)/' 'what reads pipeline files knows no run:'
arrow 'runner/plan' 'runner/(cli|commit|notify|schedule)/' 'the planner decides and does nothing:'
arrow 'runner/commit' 'runner/(cli|execute|notify|schedule)/' 'commits know no processes:'
arrow 'runner/memory' 'runner/(cli|notify|schedule)/' 'the memory knows nobody who asks it:'
arrow 'runner/show' 'runner/(cli|commit|execute|notify|schedule)/' 'what is shown to people is shown by all:'
arrow 'runner/execute' 'runner/(cli|schedule)/' 'a run does not know why it was started:'
arrow 'runner/notify' 'runner/(cli|commit|plan|schedule)/' 'messages are about what is in the memory:'
arrow 'runner/schedule' 'runner/cli/' 'the daemon is no command:'
arrow 'runner/helpers' 'runner/(cli|commit|memory|notify|plan|schedule)/' 'helpers share what reads and starts alone:'

found=$(git grep -nwE '(strcpy|strcat|sprintf|strtok|atoi|atof|gets|system)\(' -- '*.c' '*.h') && say "banned functions:
$found"
found=$(git ls-files | grep -v '^tests/fuzz/' | sed 's#.*/##' | grep -E '\.(c|h)$' | sort | uniq -d) && [ -n "$found" ] && say "file names are unique across the tree: $found"

# shellcheck disable=SC2086
cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr -j "$(nproc)" \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -Icommon -I. $(git ls-files 'common/*.c' 'models/*.c' 'runner/*.c' 'stages/*.c' 'serve/*.c' 'data/*.c') || bad=1
flags=$(make -s print-cppflags)
export flags
# shellcheck disable=SC2016
git ls-files 'common/*.c' 'models/*.c' 'runner/*.c' 'stages/*.c' 'serve/*.c' 'data/*.c' | xargs -P "$(nproc)" -n 1 \
    sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$@" -- -std=c17 $flags 2>/dev/null' tidy || bad=1
exit $bad
