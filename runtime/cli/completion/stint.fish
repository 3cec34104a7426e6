# fish completion of stint. The program's own help is asked for verbs and options, so nothing here can be out of date.

function __stint_verbs
    # help prints them in two columns
    stint --help 2>/dev/null | awk '
        function entry(text) {
            if (match(text, /[a-z]+/)) {
                name = substr(text, RSTART, RLENGTH)
                sub(/^ *[a-z]+ +/, "", text)
                sub(/ +$/, "", text)
                print name "\t" text
            }
        }
        /^Verbs:/ { on = 1; next }
        /^$/ { on = 0 }
        on { entry(substr($0, 1, 40)); entry(substr($0, 41)) }'
end

# The verb of the command line, empty before there is one.
function __stint_verb
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if contains -- $word (__stint_verbs | string split -f 1 \t)
            echo $word
            return
        end
    end
end

function __stint_no_verb
    test -z (__stint_verb)
end

# "  -b, --bundle DIR  the bundle" becomes "-b<tab>the bundle" and "--bundle<tab>the bundle".
function __stint_options
    stint (__stint_verb) --help 2>/dev/null | awk '
        /^  (-., |    )--/ {
            letter = substr($0, 3, 2)
            sub(/^  (-., |    )/, "")
            text = $0
            sub(/^[^ ]+( [^ ]+)?  +/, "", text)
            print $1 "\t" text
            if (letter ~ /^-/) print letter "\t" text
        }'
end

function __stint_wants_container
    contains -- (__stint_verb) start state kill delete exec ps pause resume update events checkpoint
end

complete -c stint -n __stint_no_verb -f -a '(__stint_verbs)'
complete -c stint -n __stint_wants_container -f -a '(stint list -q 2>/dev/null)'
complete -c stint -n 'string match -q -- "-*" (commandline -ct)' -a '(__stint_options)'
