#!/bin/sh
# portcullis pre-commit hook: lints the migrations that are staged.
# Written by `cargo xtask hooks install`; `cargo xtask hooks uninstall` takes it away.

# Git runs hooks at the top of the checkout. The compiler writes paths without symbolic links.
cd -P . && top=$PWD

@SETTINGS@

# The hook that was here before goes first.
before=${0%/*}/pre-commit.before-portcullis
if [ -x "$before" ]; then
    "$before" "$@" || exit
fi

# A relative one is meant from here.
case ${GIT_DIR-/} in /*) ;; *) GIT_DIR=$top/$GIT_DIR && export GIT_DIR ;; esac

# A branch without the workspace has nothing to lint.
cd "$workspace" 2>/dev/null && [ -f portcullis.toml ] || exit 0

# Whether the program is as new as its sources, and they are this checkout's: cargo lists
# them in a file beside it, on one line, with a backslash before each blank in a name.
fresh() {
    [ -x "$program" ] && [ -r "$program.d" ] || return 1
    IFS= read -r sources < "$program.d" || return 1
    ours=no start='' seen=''
    set -f
    IFS=' '
    for word in ${sources#*: }; do
        case $word in *\\) start="$start${word%?} " && continue ;; esac
        source=$start$word start=''
        [ -e "$source" ] && ! [ "$source" -nt "$program" ] || return 1
        case $source in "$top"/*) ours=yes ;; esac
        directory=${source%/*}
        [ "$directory" != "$seen" ] || continue
        seen=$directory
        while [ -n "$directory" ]; do
            ! [ "$directory/Cargo.toml" -nt "$program" ] || return 1
            ! [ "$directory/Cargo.lock" -nt "$program" ] || return 1
            directory=${directory%/*}
        done
    done
    [ "$ours" = yes ]
}

if fresh; then
    exec "$program" lint --staged
fi
if ! command -v cargo >/dev/null; then
    echo "portcullis: can't lint the staged migrations: cargo isn't in the PATH of this hook" >&2
    exit 1
fi
exec cargo xtask lint --staged
