#!/bin/bash
# The pages: --help fits a terminal, the man pages and completions know the same options, `--version`,
# `features` and `spec` print what their readers expect. MAN is the directory of the man pages.
# shellcheck source=SCRIPTDIR/tap.sh
source "$(dirname "$0")/tap.sh"
man=$(realpath "${MAN:-$here/../../../docs/man}")
completion=$here/../../../runtime/cli/completion

help_fits() { # but for batch, which has too many options for one screen
  local verb
  for verb in "" "${verbs[@]}"; do
    # shellcheck disable=SC2086 # the empty one is the program's own
    "$STINT" $verb --help | awk -v verb="$verb" 'length > 79 { print verb ": line of " length; bad = 1 }
      / $/ { print verb ": blank at the end of a line"; bad = 1 }
      END { if (NR > (verb == "batch" ? 40 : 23)) { print verb ": " NR " lines"; bad = 1 } exit bad }'
  done
}

help_is_help() {
  local verb
  for verb in "${verbs[@]}"; do
    same "$("$STINT" "$verb" --help)" "$("$STINT" "$verb" -h)"
    same "$("$STINT" "$verb" --help)" "$("$STINT" "$verb" -help ignored)"
  done
  same "$("$STINT" --help)" "$("$STINT")"
  same "$("$STINT" --help)" "$("$STINT" help)"
}

listed_verbs() {
  "$STINT" --help | awk '/^Verbs:/ { on = 1; next } /^$/ { on = 0 }
    on { print $1; if (split(substr($0, 41), right)) print right[1] }' | sort
}

every_verb_is_listed() { same "$(printf '%s\n' "${verbs[@]}" | sort)" "$(listed_verbs)"; }

help_options() { # [VERB]: "-b --bundle DIR" a line
  "$STINT" "$@" --help | sed -nE 's/^  (-.), (--[a-z0-9-]+)( [^ ]+)?  .*/\1 \2\3/p; s/^      (--[a-z0-9-]+)( [^ ]+)?  .*/\1\2/p' | sort
}

man_options() { # PAGE
  sed -nE 's/^\.It Fl (.) , Fl -([a-z0-9-]+)( Ar (.*))?/-\1 --\2 \4/p; s/^\.It Fl -([a-z0-9-]+)( Ar (.*))?/--\1 \3/p' "$1" |
    sed 's/ $//' | sort
}

man_options_agree() {
  local verb
  same "$(help_options)" "$(man_options "$man/stint.8")"
  for verb in "${verbs[@]}"; do
    [[ -e $man/stint-$verb.8 ]] || { echo "no page for $verb"; return 1; }
    same "$verb: $(help_options "$verb")" "$verb: $(man_options "$man/stint-$verb.8")"
  done
}

man_synopsis() { # PAGE: the operands of its first synopsis
  awk '/^\.Sh SYNOPSIS/ { on = 1; next } on && /^\.Sh/ { exit } on && /^\.Nm/ && ++n == 2 { exit } on' "$1" |
    sed -nE 's/^\.Ar //p; s/^\.Op Ar OPTION \.\.\./[OPTION...]/p; t; s/^\.Op Ar ([^ ]+)( \.\.\.)?/[\1\2]/p' | sed 's/ \.\.\./.../' |
    paste -sd ' '
}

man_synopses_agree() {
  local verb summary
  for verb in "${verbs[@]}"; do
    same "$("$STINT" "$verb" --help | sed -n "1s/^Usage: stint $verb *//p")" "$(man_synopsis "$man/stint-$verb.8")"
    summary=$("$STINT" "$verb" --help | sed -n '2s/\.$//p')
    same "${summary,}" "$(sed -n 's/^\.Nd //p' "$man/stint-$verb.8")"
    grep -qx "\.It Xr stint-$verb 8" "$man/stint.8"
  done
}

man_links_lead_somewhere() {
  local page
  sed -nE 's/^\.(It )?Xr (stint-?[a-z]*) 8.*/\2/p' "$man"/*.8 | sort -u | while read -r page; do
    [[ -e $man/$page.8 ]] || { echo "$page.8 does not exist"; return 1; }
  done
}

complete_words() { # WORD...: what bash offers for the last
  PATH=$(dirname "$STINT"):$PATH bash -c 'source "$1/stint.bash"; shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _stint; printf "%s\n" "${COMPREPLY[@]}"' - "$completion" "$@" | sort
}

bash_completes() {
  local verb
  [[ ${STINT##*/} == stint ]] # found by this name
  same "$(listed_verbs)" "$(complete_words stint '')"
  same $'restore\nresume' "$(complete_words stint re)"
  for verb in "${verbs[@]}"; do
    same "$verb: $(help_options "$verb" | grep -o -- '--[a-z0-9-]*' | sort)" \
      "$verb: $(complete_words stint "$verb" -- | grep .)" || [[ -z $(help_options "$verb") ]]
  done
  same $'json\ntext' "$(complete_words stint --log-format '')"
  same $'json\ntable' "$(complete_words stint --log x ps --format '')"
  mkdir -p "$work/words/dir"
  same "$work/words/dir" "$(complete_words stint run --bundle "$work/words/")"
}

version_is_read_by_docker() {
  local lines
  mapfile -t lines < <("$STINT" --version)
  [[ ${lines[0]} =~ ^stint\ version\ [0-9]+\.[0-9]+ ]]
  [[ ${lines[1]} =~ ^commit:\ [0-9a-z]+ ]]
  same 'spec: 1.3.0' "${lines[2]}"
  [[ ${lines[3]} =~ ^libseccomp:\ 2\.[0-9]+\.[0-9]+$ ]]
  same "$("$STINT" --version)" "$("$STINT" -v)"
}

features_are_whole() {
  "$STINT" features >features
  jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0"
    and .hooks == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    and (.mountOptions | contains(["ro", "rro", "rbind", "idmap", "ridmap", "tmpcopyup", "nosymfollow"]))
    and (.mountOptions | length == (unique | length))' features
  jq -e '.linux | (.namespaces | sort) == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]
    and (.capabilities | length >= 41 and .[0] == "CAP_CHOWN" and (index("CAP_CHECKPOINT_RESTORE") != null))
    and .cgroup.v1 and .cgroup.v2 and .cgroup.rdma and (.cgroup | has("systemd") and has("systemdUser"))
    and .apparmor.enabled and .selinux.enabled and .intelRdt.enabled and .intelRdt.schemata and .intelRdt.monitoring
    and (.memoryPolicy.modes | contains(["MPOL_BIND", "MPOL_WEIGHTED_INTERLEAVE"]))
    and (.memoryPolicy.flags | contains(["MPOL_F_STATIC_NODES"]))
    and .mountExtensions.idmap.enabled and .netDevices.enabled' features
  jq -e '.linux.seccomp | .enabled and (.actions | contains(["SCMP_ACT_NOTIFY", "SCMP_ACT_ERRNO"]))
    and (.operators | contains(["SCMP_CMP_MASKED_EQ"])) and (.archs | contains(["SCMP_ARCH_X86_64"]))
    and (.knownFlags | contains(["SECCOMP_FILTER_FLAG_LOG"])) and has("supportedFlags")' features
  jq -e '.annotations["io.github.seccomp.libseccomp.version"] and .potentiallyUnsafeConfigAnnotations' features
}

spec_is_written_once() {
  mkdir spec
  fails 0 '' "$STINT" spec --bundle spec
  jq -e '.ociVersion == "1.3.0" and .process.args == ["sh"] and .root.path == "rootfs"' spec/config.json
  fails 1 'File config.json exists. Remove it first' "$STINT" spec --bundle spec
  fails 1 'open bundle nowhere' "$STINT" spec --bundle nowhere
}

spec_for_ordinary_users() {
  mkdir rootless
  fails 0 '' "$STINT" spec --rootless -b rootless
  jq -e --argjson uid "$(id -u)" '.linux.uidMappings == [{containerID: 0, hostID: $uid, size: 1}]
    and (.linux.namespaces | any(.type == "user")) and (.linux.namespaces | all(.type != "network"))
    and (.linux | has("resources") | not) and ([.mounts[].options[]?] | all(. != "gid=5"))' rootless/config.json
}

check "each help page fits 24 lines of 80 columns" help_fits
check "--help, -h and no verb at all print help" help_is_help
check "help lists every verb" every_verb_is_listed
check "help and man page of a verb have the same options" man_options_agree
check "help and man page of a verb have the same operands and summary" man_synopses_agree
check "man pages refer to pages that exist" man_links_lead_somewhere
check "bash completes verbs, options and values" bash_completes
check "the version is what docker reads" version_is_read_by_docker
check "features names what the specification lists" features_are_whole
check "spec writes a config and overwrites none" spec_is_written_once
check "spec --rootless maps root to the caller" spec_for_ordinary_users
done_testing
