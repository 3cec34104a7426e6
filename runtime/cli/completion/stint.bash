# bash completion of stint. The program's own help is asked for verbs and options, so nothing here can be out of date.

_stint_options() { # [VERB]: the long options, and the short ones
  stint "$@" --help 2>/dev/null | sed -n 's/^  \(-.\), \(--[a-z0-9-]*\).*/\1 \2/p; s/^      \(--[a-z0-9-]*\).*/\1/p'
}

_stint_verbs() { # help prints them in two columns
  stint --help 2>/dev/null | awk '/^Verbs:/ { on = 1; next } /^$/ { on = 0 }
    on { print $1; if (split(substr($0, 41), right)) print right[1] }'
}

_stint_takes_value() { # OPTION [VERB]: its help names a value, in capitals
  local option=$1
  shift
  stint "$@" --help 2>/dev/null | grep -qE -- "^  (-., |    )?$option(, --[a-z0-9-]+)? [A-Z]"
}

_stint() {
  local cur prev word verb='' root=() i
  cur=${COMP_WORDS[COMP_CWORD]}
  prev=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()

  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --root)
        root=(--root "${COMP_WORDS[i + 1]}")
        ((++i))
        ;;
      -*) ! _stint_takes_value "$word" || ((++i)) ;;
      *) verb=$word && break ;;
    esac
  done

  if [[ $prev == -* ]] && _stint_takes_value "$prev" ${verb:+"$verb"}; then
    case $prev in
      --log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur") ;;
      --grade) COMPREPLY=(cold) ;;
      --network) mapfile -t COMPREPLY < <(compgen -W 'host none' -- "$cur") ;;
      --slots | -n) COMPREPLY=(auto) ;;
      --logs | --scratch | --workdir | -w) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
      --rootless) mapfile -t COMPREPLY < <(compgen -W 'true false auto' -- "$cur") ;;
      --format | -f)
        if [[ $verb == list || $verb == ps ]]; then
          mapfile -t COMPREPLY < <(compgen -W 'table json' -- "$cur")
        else
          mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
      --bundle | -b | --image-path | --work-path | --root) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
      *) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_stint_options ${verb:+"$verb"})" -- "$cur")
  elif [[ -z $verb ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_stint_verbs)" -- "$cur")
  else
    case $verb in
      batch) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
      create | run | restore | spec | features | list | place) ;; # a new name, or none
      *) mapfile -t COMPREPLY < <(compgen -W "$(stint "${root[@]}" list -q 2>/dev/null)" -- "$cur") ;;
    esac
  fi
}

complete -F _stint stint
