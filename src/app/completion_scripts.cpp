// The scripts only carry words to `balr completion --complete` and its answer (completion.hpp) back
// to the shell, so that they never lag behind the program.
#include "app/completion.hpp"

namespace balr {
namespace {

constexpr const char* kBash = R"(# bash completion of balr; made by: balr completion bash
_balr() {
  local words=() rest=$COMP_LINE trimmed word i
  # Bash splits words at = and : too; put together what stands together, up to the cursor.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    trimmed=${rest#"${rest%%[![:space:]]*}"}
    if ((i == COMP_CWORD)); then
      word=${COMP_LINE:${#COMP_LINE}-${#trimmed}:COMP_POINT-${#COMP_LINE}+${#trimmed}}
    fi
    if [[ $i -eq 0 || $trimmed != "$rest" ]]; then words+=("$word"); else words[-1]+=$word; fi
    rest=${trimmed#"$word"}
  done
  # Take quotes off; readline replaces what follows an opening one.
  local typed=${words[-1]} quoted=
  case $typed in \'* | \"*) quoted=${typed:0:1} ;; esac
  for i in "${!words[@]}"; do
    word=${words[i]}
    case $word in
      \'*) word=${word#\'} word=${word%\'} ;;
      \"*) word=${word#\"} word=${word%\"} ;;
      *) word=${word//\\/} ;;
    esac
    words[i]=$word
  done
  typed=${words[-1]}
  local program=${words[0]/#\~/$HOME} lines=() kind kept
  mapfile -t lines < <("$program" completion bash --complete -- "${words[@]:1}" 2>/dev/null)
  kind=${lines[0]} kept=${lines[1]}
  # What readline keeps of the word: all up to the last character that splits words.
  local before=
  if [[ -z $quoted && $typed == *[$COMP_WORDBREAKS]* ]]; then
    before=${typed%"${typed##*[$COMP_WORDBREAKS]}"}
  fi
  COMPREPLY=()
  local line help goes_on
  for line in "${lines[@]:2}"; do
    IFS=$'\037' read -r word goes_on help <<<"${line//$'\t'/$'\037'}"
    [[ $goes_on == + || -n $quoted ]] || word+=' '
    COMPREPLY+=("${word#"$before"}")
  done
  # Inside quotes readline would close a single word that goes on.
  if [[ -n $quoted && $goes_on == + && ${#COMPREPLY[@]} -eq 1 ]]; then
    COMPREPLY+=("${COMPREPLY[0]}...")
  fi
  compopt -o nospace 2>/dev/null
  if [[ $kind != words && ${#COMPREPLY[@]} -eq 0 ]]; then
    compopt +o nospace -o filenames 2>/dev/null
    local flag=-f path=${typed#"$kept"}
    [[ $kind == folders ]] && flag=-d
    [[ $path == \~/* ]] && path=$HOME${path:1}
    mapfile -t COMPREPLY < <(compgen "$flag" -- "$path")
    before=${before#"$kept"}
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$before"}; done
  fi
}
complete -F _balr balr
)";

constexpr const char* kZsh = R"(#compdef balr
# zsh completion of balr; made by: balr completion zsh
_balr() {
  local -a lines done_words done_help open_words open_help
  local line word help kept kind program=${~words[1]}
  lines=("${(@f)$("$program" completion zsh --complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  kind=$lines[1] kept=$lines[2]
  for line in "${(@)lines[3,-1]}"; do
    [[ -n $line ]] || continue
    word=${line%%$'\t'*} help=${line##*$'\t'}
    [[ -n $help ]] && help="$word  -- $help" || help=$word
    if [[ $line == *$'\t+\t'* ]]; then
      open_words+=("$word") open_help+=("$help")
    else
      done_words+=("$word") done_help+=("$help")
    fi
  done
  local -i found=1
  (( $#open_words )) && compadd -S '' -l -d open_help -a open_words && found=0
  (( $#done_words )) && compadd -l -d done_help -a done_words && found=0
  if [[ $kind != words ]]; then
    [[ -n $kept ]] && compset -P $#kept '*'
    if [[ $kind == folders ]]; then _path_files -/ && found=0; else _files && found=0; fi
  fi
  return found
}
if [[ $funcstack[1] == _balr ]]; then _balr "$@"; else compdef _balr balr; fi
)";

}  // namespace

std::string completion_script(const std::string& shell) { return shell == "zsh" ? kZsh : kBash; }

}  // namespace balr
