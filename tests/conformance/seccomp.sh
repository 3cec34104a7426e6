#!/bin/bash
# config-linux.md, "Seccomp", "The Container Process State".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# fchdir(1000) is EBADF where no rule matches; the tests' rules answer otherwise.
filter() { # CLAUSE RULES EXPECTATION...: linux.seccomp with a default of ALLOW
        holds "config-linux.md, Seccomp: $1" \
                ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [$2]} | probe(\"call=fchdir,1000\", \"call=fchdir,1001\", \"call=fchdir,4294968296\")" "${@:3}"
}
matched='.call["fchdir,1000"].error == "EPERM"' untouched='.call["fchdir,1001"].error == "EBADF"'

# ---- actions
filter 'SCMP_ACT_ERRNO answers EPERM by default' '{names: ["fchdir"], action: "SCMP_ACT_ERRNO"}' "$matched" '.status.Seccomp | is_set("2")'
filter 'errnoRet is the errno' '{names: ["fchdir"], action: "SCMP_ACT_ERRNO", errnoRet: 42}' '.call["fchdir,1000"].error == "ENOMSG"'
filter 'errnoRet 0: the call seems to succeed' '{names: ["fchdir"], action: "SCMP_ACT_ERRNO", errnoRet: 0}' '.call["fchdir,1000"].result == 0'
filter 'SCMP_ACT_ALLOW' '{names: ["fchdir"], action: "SCMP_ACT_ALLOW"}' '.call["fchdir,1000"].error == "EBADF"'
filter 'SCMP_ACT_LOG allows' '{names: ["fchdir"], action: "SCMP_ACT_LOG"}' '.call["fchdir,1000"].error == "EBADF"'
filter 'SCMP_ACT_TRACE without a tracer is ENOSYS' '{names: ["fchdir"], action: "SCMP_ACT_TRACE", errnoRet: 7}' '.call["fchdir,1000"].error == "ENOSYS"'
for action in KILL KILL_PROCESS KILL_THREAD TRAP; do
        filter "SCMP_ACT_$action ends the process by SIGSYS" "{names: [\"fchdir\"], action: \"SCMP_ACT_$action\"}" '.exit == 159'
done
filter 'several names in a rule, several rules' '{names: ["chroot", "fchdir"], action: "SCMP_ACT_ERRNO", errnoRet: 42}, {names: ["setns"], action: "SCMP_ACT_ERRNO"}' \
        '.call["fchdir,1000"].error == "ENOMSG"'
filter 'a name that this kernel does not know is no error' '{names: ["none_of_the_kernel", "fchdir"], action: "SCMP_ACT_ERRNO"}' "$matched"
default_action() { # DEFAULT EXPECTATION: everything that the probe and its start need is allowed, fchdir is not
        local names
        names=$(tr -s ' \n' ' ' <"$support/../bundles/seccomp-allowed" | jq -Rc 'split(" ") | map(select(test("^[a-z]") and . != "fchdir"))')
        check_holds ".linux.seccomp = $1 | .linux.seccomp.syscalls = [{names: $names, action: \"SCMP_ACT_ALLOW\"}]
                | .linux.seccomp.architectures = [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"]
                | probe(\"only\", \"call=fchdir,1000\", \"call=1500\")" "${@:2}"
}
story 'config-linux.md, Seccomp: defaultAction is of every other system call' default_action '{defaultAction: "SCMP_ACT_ERRNO"}' "$matched"
story 'config-linux.md, Seccomp: defaultErrnoRet is its errno' default_action '{defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 42}' \
        '.call["fchdir,1000"].error == "ENOMSG"'
story 'config-linux.md, Seccomp: a system call newer than the list is unknown, not forbidden' default_action '{defaultAction: "SCMP_ACT_ERRNO"}' \
        '.call["1500"].error == "ENOSYS"'

# ---- arguments
argument() { # OPERATOR VALUE EXPECTATION...
        filter "args: $1 $2" "{names: [\"fchdir\"], action: \"SCMP_ACT_ERRNO\", args: [{index: 0, op: \"SCMP_CMP_$1\", value: $2}]}" "${@:3}"
}
argument EQ 1000 "$matched" "$untouched" '.call["fchdir,4294968296"].error == "EBADF"'
argument NE 1001 "$matched" "$untouched"
argument LT 1001 "$matched" "$untouched"
argument LE 1000 "$matched" "$untouched"
argument GT 1000 '.call["fchdir,1000"].error == "EBADF"' '.call["fchdir,1001"].error == "EPERM"'
argument GE 1001 '.call["fchdir,1000"].error == "EBADF"' '.call["fchdir,1001"].error == "EPERM"'
argument EQ 4294968296 '.call["fchdir,1000"].error == "EBADF"' '.call["fchdir,4294968296"].error == "EPERM"'
filter 'args: MASKED_EQ: value is the mask, valueTwo what is left' \
        '{names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_MASKED_EQ", value: 1, valueTwo: 0}]}' "$matched" "$untouched"
filter 'args: all of them must match' \
        '{names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_GE", value: 1000}, {index: 1, op: "SCMP_CMP_EQ", value: 77}]}' "$untouched"
filter 'args: two rules for a system call: either' \
        '{names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_EQ", value: 1000}]},
         {names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_EQ", value: 1001}], errnoRet: 42}' \
        "$matched" '.call["fchdir,1001"].error == "ENOMSG"'
filter 'args: an empty list matches every call' '{names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: []}' "$matched"

# ---- architectures, flags
holds 'config-linux.md, Seccomp: architectures' \
        'seccomp(["fchdir"]; "SCMP_ACT_ERRNO") | .linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"]
         | probe("call=fchdir,1000")' "$matched"
for flag in TSYNC LOG SPEC_ALLOW; do
        holds "config-linux.md, Seccomp: flag SECCOMP_FILTER_FLAG_$flag" \
                "seccomp([\"fchdir\"]; \"SCMP_ACT_ERRNO\") | .linux.seccomp.flags = [\"SECCOMP_FILTER_FLAG_$flag\"] | probe(\"call=fchdir,1000\")" "$matched"
done
for user in 0 10; do
        holds "config-linux.md, Seccomp: without noNewPrivileges, without capabilities, user $user" \
                "seccomp([\"fchdir\"]; \"SCMP_ACT_ERRNO\") | .process.user.uid = $user | .process.capabilities = {} | probe(\"call=fchdir,1000\")" \
                "$matched" '.no_new_privs | not' ".uids[0] == $user" '.capabilities.effective == []'
        holds "config-linux.md, Seccomp: with noNewPrivileges the runtime's own calls are not the filter's concern, user $user" \
                "seccomp([\"fchdir\", \"seccomp\", \"prctl\", \"capset\", \"setuid\", \"setresuid\", \"setgroups\"]; \"SCMP_ACT_ERRNO\")
                 | .process.noNewPrivileges = true | .process.user.uid = $user | probe(\"only\", \"call=fchdir,1000\", \"call=setuid,0\")" \
                "$matched" '.call["setuid,0"].error == "EPERM"'
done

# ---- what MUST be an error
bad() { refused "config-linux.md, Seccomp: $1" ".linux.seccomp = $2" "$3"; }
bad 'defaultAction is REQUIRED' '{syscalls: []}' 'defaultAction|seccomp'
bad 'an unknown action' '{defaultAction: "SCMP_ACT_NONE"}' 'SCMP_ACT_NONE|action'
bad 'names MUST contain at least one entry' '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]}' 'names|seccomp'
bad 'action of a rule is REQUIRED' '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["fchdir"]}]}' 'action|seccomp'
bad 'an unknown architecture' '{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_NONE"]}' 'SCMP_ARCH_NONE|arch'
bad 'an unknown operator' '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_NONE", value: 1}]}]}' 'SCMP_CMP_NONE|op'
bad 'an argument that no call has' '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 6, op: "SCMP_CMP_EQ", value: 1}]}]}' 'index|seccomp'
bad 'an unknown flag' '{defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_NONE"]}' 'SECCOMP_FILTER_FLAG_NONE|flag'
bad 'errnoRet of an action that has none MUST fail' '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["fchdir"], action: "SCMP_ACT_KILL", errnoRet: 1}]}' 'errnoRet|seccomp'
bad 'defaultErrnoRet of an action that has none MUST fail' '{defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1}' 'defaultErrnoRet|seccomp'
bad 'listenerMetadata MUST NOT be set without listenerPath' '{defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x"}' 'listener|seccomp'
bad 'SCMP_ACT_NOTIFY without listenerPath' '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["fchdir"], action: "SCMP_ACT_NOTIFY"}]}' 'listener|notify'

# ---- notifications
notify='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: ($bundle + "/agent"), listenerMetadata: "opaque \"data\"",
        syscalls: [{names: ["fchdir"], action: "SCMP_ACT_NOTIFY"}]} | .annotations = {"org.example": "value"} | probe("call=fchdir,1000")'
with_agent() { # CONFIG: runs it with a seccomp agent that answers ENOMSG; the agent's report is $bundle/agent.json
        config "$1"
        timeout 90 "$TOOLS/receive" notify "$bundle/agent" 42 </dev/null >"$bundle/agent.out" 2>&1 &
        eventually test -S "$bundle/agent"
        run_probe
        wait
        jq -s 'add | .payload = (.payload | try fromjson catch .)' "$bundle/agent.out" >"$bundle/agent.json"
}
agent_says() { # EXPECTATION...
        with_agent "$notify"
        expect '.exit == 0'
        expect_in "$bundle/agent.json" "$@"
        nothing_left
}
answered() {
        with_agent "$notify"
        expect '.exit == 0' '.call["fchdir,1000"].error == "ENOMSG"'
}
story 'config-linux.md, Seccomp: SCMP_ACT_NOTIFY: the listener answers' answered
story 'config-linux.md, listenerPath: the runtime MUST send one process state in JSON and close the connection' agent_says \
        '.payload | type == "object"' '.closed' '.second_connection == false'
story 'config-linux.md, listenerPath: descriptors MUST be sent by SCM_RIGHTS, in the first message' agent_says '.fds == 1' '.fds_in_message == 1'
story 'config-linux.md, Container process state: fds names them in order' agent_says '.payload.fds == ["seccompFd"]'
story 'config-linux.md, Container process state: ociVersion, pid' agent_says '.payload.ociVersion | test("^1\\.")' '.payload.pid > 1' '.payload.pid == .payload.state.pid'
story 'config-linux.md, Container process state: metadata is listenerMetadata' agent_says '.payload.metadata == "opaque \"data\""'
story 'config-linux.md, Container process state: state' agent_says '.payload.state | .id == $id and .bundle == $bundle and (.ociVersion | length > 0)' \
        '.payload.state.status | . == "creating" or . == "created"' '.payload.state.annotations == {"org.example": "value"}'
refused 'config-linux.md, listenerPath: if sending to it fails the runtime MUST generate an error' "$notify" 'agent|listener|no such file'
story 'config-linux.md, listenerPath: ignored if SCMP_ACT_NOTIFY is not used' check_holds "$notify | .linux.seccomp.syscalls[0].action = \"SCMP_ACT_ERRNO\"" "$matched"
killable() {
        with_agent "$notify | .linux.seccomp.flags = [\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]"
        expect '.exit == 0' '.call["fchdir,1000"].error == "ENOMSG"'
}
story 'config-linux.md, Seccomp: flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' killable

# ---- a process that joins
joining() {
        config 'seccomp(["fchdir"]; "SCMP_ACT_ERRNO") | probe("hold")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        rt exec "$id" /bin/probe call=fchdir,1000 >"$bundle/out" 2>"$bundle/err"
        make_report 0
        expect "$matched"
        rt kill "$id" KILL
        eventually is_stopped
}
story 'config-linux.md, Seccomp: a process that joins has the filter too' joining

done_testing
