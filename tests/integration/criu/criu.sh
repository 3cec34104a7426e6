# shellcheck shell=bash
# criu.sh: what the tests of checkpoint and restore have in common; sourced.
#
# Environment, beside harness.sh's: HELPER the built stint-criu; LIBEXEC where stint looks for it. The directory need not exist: an
# overlay puts the helper there, in the script's own mount namespace.
# shellcheck source=SCRIPTDIR/../../support/probe/harness.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../support/probe/harness.sh"
for applet in sleep cat mkdir; do ln -s busybox "$work/template/bin/$applet"; done

install_helper() {
        local there=${LIBEXEC:?where stint looks for its helpers}
        until [[ -d $there ]]; do there=$(dirname "$there"); done
        mkdir "$work/libexec" && mount -t tmpfs -o size=64m stint-libexec "$work/libexec" || return
        mkdir "$work/libexec"/{upper,work} || return
        (cd "$work/libexec" && mount -t overlay -o "lowerdir=$there,upperdir=upper,workdir=work" stint-libexec "$there") || return
        umount -l "$work/libexec" # the overlay keeps it
        mkdir -p "$LIBEXEC" && install "${HELPER:?the built stint-criu}" "$LIBEXEC/stint-criu"
}
install_helper || { echo "Bail out! cannot put the helper at $LIBEXEC"; exit 1; }

silent() { # COMMAND...: succeeds and says nothing
        local said
        said=$(mktemp -p "$bundle" said.XXXX)
        "$@" >"$said" 2>&1 || { echo "failed: $* ($(<"$said"))"; return 1; }
        [[ ! -s $said ]] || { echo "printed by $*: $(<"$said")"; return 1; }
}

same() { # WANTED FOUND
        [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}

code() { jq -r .code "$bundle/log.json"; }
gone() { must_fail 'container does not exist' rt state "$id"; }

# ---- a container that counts

counter() { # [CONFIG]: every tenth of a second a line with the next number on standard output, which is the file $bundle/count
        config "${1:-.} | shell(\"i=0; while :; do i=\$((i + 1)); echo \$i; sleep 0.1; done\")"
        rt run --detach --bundle "$bundle" "$id" </dev/null >"$bundle/count" 2>"$bundle/err"
        reaches 3
}

count() { tail -n 1 "$bundle/count"; }
reaches() { eventually counted "$1"; } # NUMBER
counted() { local now; now=$(count); [[ -n $now ]] && ((now >= $1)); }

consecutive() { # the lines of all its lives: no number twice, none left out
        awk '$1 != NR { print "line " NR " is " $1; bad = 1; exit } END { exit bad }' "$bundle/count"
}
