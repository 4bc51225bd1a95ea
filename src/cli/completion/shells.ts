/**
 * What each shell is told: with every press of Tab it asks `averse __complete`, whose lines are candidates,
 * a tab and what they mean; `:files` or `:folders` leaves paths to the shell. So completion is that of the
 * version that is installed, and this text never grows old.
 */
export const shellScripts = {
  bash: `# averse completion bash: source this, or keep it as ~/.local/share/bash-completion/completions/averse
_averse() {
  local line current="\${COMP_WORDS[COMP_CWORD]}"
  [[ $current == "=" ]] && current=""
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files)
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current") ;;
      :folders)
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current") ;;
      *)
        line=\${line%%$'\\t'*}
        [[ $line == *= ]] && compopt -o nospace 2>/dev/null
        COMPREPLY+=("$line") ;;
    esac
  done < <("$1" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _averse averse`,
  zsh: `#compdef averse
# averse completion zsh: source this after compinit, or keep it as _averse in a folder of fpath
_averse() {
  local line paths=none
  local -a whole begun
  [[ $words[CURRENT] == --*=* ]] && compset -P '*='
  while IFS= read -r line; do
    case $line in
      :files) paths=files ;;
      :folders) paths=folders ;;
      *=$'\\t'*) begun+=("\${\${line%%$'\\t'*}//:/\\\\:}") ;;
      *) whole+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <(averse __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#whole )) && _describe averse whole
  (( $#begun )) && _describe averse begun -S ''
  [[ $paths == files ]] && _files
  [[ $paths == folders ]] && _files -/
  return 0
}
if [[ $funcstack[1] == _averse ]]; then
  _averse "$@"
else
  compdef _averse averse
fi`,
  fish: `# averse completion fish: keep this as ~/.config/fish/completions/averse.fish
function __averse_complete
    set -l current (commandline --current-token)
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l option ""
    if string match --quiet --regex '^--[^=]+=' -- $current
        set option (string replace --regex '=.*' '=' -- $current)
    end
    set -l typed (string replace --regex '^--[^=]+=' '' -- $current)
    for line in (averse __complete $words[2..] "$current" 2>/dev/null)
        switch $line
            case :files
                for path in $typed*
                    test -d $path; and printf '%s/\\n' $option$path; or printf '%s\\n' $option$path
                end
            case :folders
                for path in $typed*/
                    printf '%s\\n' $option$path
                end
            case '*'
                printf '%s\\n' $option$line
        end
    end
end
complete --command averse --no-files --arguments '(__averse_complete)'`,
};
