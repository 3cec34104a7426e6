#!/bin/bash
# How the command line is read, and what a call that fails prints and logs.
# shellcheck source=SCRIPTDIR/tap.sh
source "$(dirname "$0")/tap.sh"

# ---- spelling: `list` takes a text and a flag, and prints nothing without containers

both_dashes() {
  same '[]' "$(stint list --format json)"
  same '[]' "$(stint list -format json)"
  same '[]' "$(stint list --format=json)"
  same '[]' "$(stint list -format=json)"
  same '[]' "$(stint list -f json)"
  same '[]' "$(stint list -f=json)"
  same "" "$(stint list --quiet)"
}

flags_take_truths() {
  local truth lie
  for truth in 1 t T true TRUE True; do same "" "$(stint list --quiet="$truth")"; done
  for lie in 0 f F false FALSE False; do [[ $(stint list --quiet="$lie") == ID* ]]; done
  fails 1 'invalid boolean value "yes" for -quiet: parse error' stint list --quiet=yes
}

options_after_operands() {
  fails 1 'container does not exist' stint kill nope --all 9
  fails 0 '' stint delete nope --force
  fails 0 '' stint delete --force nope
}

after_two_dashes() { fails 1 'container does not exist' stint delete -- --force; }

commands_keep_their_options() {
  fails 255 'container does not exist' stint exec nope ls --no-such-option
  fails 255 'container does not exist' stint exec nope --detach
  fails 1 'container does not exist' stint ps nope -o pid
}

undefined_options() {
  fails 1 'flag provided but not defined: -nope' stint --nope
  fails 1 'flag provided but not defined: -nope' stint create --nope x
  fails 1 'flag provided but not defined: -nope' stint create x --nope=1
  fails 1 'bad flag syntax: ---x' stint list ---x
  fails 1 'bad flag syntax: --=x' stint list --=x
}

missing_values() {
  fails 1 'flag needs an argument: -lsm-mount-context' stint restore --lsm-mount-context
  fails 1 'flag needs an argument: -b' stint create -b
  fails 1 'flag needs an argument: -root' "$STINT" --root
}

numbers_are_checked() {
  fails 1 'invalid value "abc" for flag -preserve-fds: parse error' stint create --preserve-fds abc x
  fails 1 'invalid value "-1" for flag -preserve-fds: parse error' stint create --preserve-fds -1 x
  fails 1 'invalid value "99999999999" for flag -preserve-fds: value out of range' \
    stint create --preserve-fds 99999999999 x
  fails 1 'invalid value "12Q" for flag -memory: parse error' stint update --memory 12Q x
  fails 1 'invalid value "9223372036854775807k" for flag -memory: value out of range' \
    stint update --memory 9223372036854775807k x
  fails 1 'for flag -blkio-weight: value out of range' stint update --blkio-weight 5 x
  fails 1 'invalid value "5 s" for flag -interval: parse error' stint events --interval '5 s' x
  fails 1 'duration interval must be greater than 0' stint events --interval 0 x
  fails 1 'invalid format option' stint list --format xml
  fails 1 'invalid format option' stint ps --format xml x
  fails 1 'invalid log-format: xml' stint --log-format xml list
  fails 1 'for flag -rootless' stint --rootless maybe list
  fails 1 'unknown signal "FOO"' stint kill x FOO
  fails 1 'unknown signal "RTMIN-1"' stint kill x RTMIN-1
  fails 1 'unknown signal "65"' stint kill x 65
}

operands_are_counted() {
  local verb
  for verb in create start run state kill delete exec ps pause resume update events checkpoint restore; do
    fails 1 "\"$verb\" requires " stint "$verb"
  done
  fails 1 '"state" requires exactly 1 argument(s)' stint state a b
  fails 1 '"kill" requires a maximum of 2 argument(s)' stint kill a 9 b
  fails 1 '"list" requires exactly 0 argument(s)' stint list a
  fails 1 'no verb "frob"' stint frob
  fails 1 'no verb "checkpointt"' stint checkpointt x
}

# ---- errors

unknown_ids() {
  local verb
  for verb in start state kill delete ps pause resume update events checkpoint; do
    fails 1 "$verb nope: container does not exist" stint "$verb" nope
  done
  fails 255 'exec nope: container does not exist' stint exec nope true
  fails 0 '' stint delete --force nope
}

bad_ids() {
  local id
  for id in . .. a/b ../x 'a b' $'a\nb' '' "$(printf 'x%.0s' {1..2000})"; do
    fails 1 '' stint state "$id"
    fails 1 '' stint delete --force "$id"
    fails 1 '' stint create --bundle "$work" "$id"
  done
  [[ ! -e $work/x && ! -e $work/state/x ]]
}

one_json_line() { # of a failing call, as containerd and podman want it; stderr has the words too, as conmon wants it
  fails 1 'container does not exist' stint --log "$work/log" --log-format json state nope
  same 1 "$(wc -l <log)"
  jq -e '.level == "error" and .msg == "state nope: container does not exist" and .code == "not-found"' log
  jq -e '.time | fromdateiso8601 - now | fabs < 100' log
  jq -e 'keys_unsorted[:3] == ["level", "msg", "time"]' log
  grep -qv time= err
  rm log
}

codes_are_stable() {
  local status=0
  stint --log-format json --nope 2>err || status=$?
  same 1 "$status"
  fails 1 '"code":"usage"' stint --log-format json state
  fails 1 '"code":"not-found"' stint --log-format json start nope
  printf '{' >config.json
  fails 1 '"code":"config-invalid"' stint --log-format json create x
  rm config.json
}

log_is_appended() {
  fails 1 '' stint --log "$work/log" state nope
  fails 1 '' stint --log "$work/log" state nope
  same 2 "$(grep -c '^time="....-..-..T..:..:..Z" level=error msg="state nope: container does not exist"$' log)"
  rm log
}

log_unwritable() { fails 1 'container does not exist' stint --log /nonexistent/log --log-format json state nope; }

success_logs_nothing() {
  stint --log "$work/log" list >/dev/null
  [[ ! -e log ]]
}

full_stdout() {
  local status=0
  stint list >/dev/full 2>err || status=$?
  same 1 "$status"
  grep -q 'standard output' err
}

closed_stdio() { # descriptors 0 to 2 may be missing
  local status=0
  stint state nope <&- >&- 2>&- || status=$?
  same 1 "$status"
}

check "an option has one dash or two, and its value follows or is joined with =" both_dashes
check "a flag takes Go's words for true and false" flags_take_truths
check "options may follow operands" options_after_operands
check "two dashes end the options" after_two_dashes
check "what follows the id of exec and ps is the command's" commands_keep_their_options
check "an unknown option is named" undefined_options
check "a missing value is reported in the words that CRI-O looks for" missing_values
check "values are checked, and the option is named" numbers_are_checked
check "operands are counted" operands_are_counted
check "an unknown id is an error of every verb, but not of delete --force" unknown_ids
check "an id that is no id is refused" bad_ids
check "a failing call logs one line of JSON and says the same on stderr" one_json_line
check "the log names the kind of the error" codes_are_stable
check "text is logged as logrus does, and appended" log_is_appended
check "an error is seen when the log cannot be written" log_unwritable
check "a call that succeeds does not touch the log" success_logs_nothing
check "a full disk behind stdout is an error" full_stdout
check "closed standard descriptors do no harm" closed_stdio
done_testing
